// Where results go: files that are whole or untouched, and JSON that is alone on its stream.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"

namespace lockstep::tools {

inline constexpr const char* kStandardOutput = "-";

// An option that names where something goes. `path` empty: it was not given.
struct Output {
  const char* option = "";
  std::string path;
};
// Two of them name one place, where the second would replace or follow the first; or one names a
// file that is read, and would be lost.
std::optional<Diagnostic> same_output(const std::vector<Output>& outputs,
                                      const std::vector<std::string>& inputs);

// Writes `text` to standard output where `path` is "-"; else to a temporary file beside `path`,
// which it renames, so that a failure never leaves a partial file in place of a good one.
std::optional<Diagnostic> write_file(const std::string& path, const std::string& text);

// Collects one JSON object for each subject, and writes them at the end, one on each line.
class JsonOutput {
 public:
  // `target` as of --json: empty for none, "-" for standard output, else a file.
  explicit JsonOutput(std::string target) : target_(std::move(target)) {}

  bool wanted() const { return !target_.empty(); }
  bool alone() const { return target_ == "-"; }  // nothing else may go to standard output
  void add(const nlohmann::ordered_json& json);
  // 0, or 2 after telling why the file could not be written. Where no subject came to a result, a
  // file stays as it was.
  int finish() const;

 private:
  std::string target_;
  std::string lines_;
};

}  // namespace lockstep::tools
