// The CSV file of a sweep while it runs: whole lines are appended as points are done, so that a
// sweep that is killed can be resumed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/report/sweep_row.h"

namespace lockstep::tools {

class SweepFile {
 public:
  // `path` empty: no file; nothing is done. A file that is there must be a sweep of this question:
  // of these columns, and not of other scenario hashes alone; else it is a fault, and the file
  // stays as it is. With `resume` its rows are kept, without it they are replaced.
  static Result<SweepFile> open(const std::string& path, bool resume,
                                const std::vector<SweepAxis>& axes, const std::string& hash);
  SweepFile(SweepFile&& other) noexcept;
  SweepFile& operator=(SweepFile&&) = delete;
  ~SweepFile();

  // The row of a point that was done before; null if it was not.
  const SweepRow* known(const std::vector<std::string>& values) const;
  // Not thread-safe. A line that cannot be written is only missing; finish() tells.
  void append(const SweepRow& row);
  // All rows in grid order, with their marks, in place of the file.
  std::optional<Diagnostic> finish(const SweepResult& result);

 private:
  SweepFile(std::string path, std::string hash) : path_(std::move(path)), hash_(std::move(hash)) {}

  std::string path_;
  std::string hash_;
  std::map<std::vector<std::string>, SweepRow> known_;
  int file_ = -1;
};

}  // namespace lockstep::tools
