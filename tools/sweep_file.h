// The CSV file of a sweep while it runs: whole lines are appended as points are done, so that a
// sweep that is killed can be resumed, and one that is done can be given more points.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/report/sweep_csv.h"
#include "sim/report/sweep_row.h"

namespace lockstep::tools {

class SweepFile {
 public:
  // `path` empty: no file; nothing is done. "-": standard output, which gets all rows at the end. A
  // file that is there must be a sweep of this question: of these columns, and not of other
  // scenario hashes alone; else it is a fault, and the file stays as it is. With `resume` its rows
  // are kept, without it they are replaced. A line that is no row is a fault, too, with `resume`,
  // unless it is one of `points`: then that is done again.
  static Result<SweepFile> open(const std::string& path, bool resume,
                                const std::vector<SweepAxis>& axes,
                                const std::vector<std::int64_t>& points, const std::string& hash);
  SweepFile(SweepFile&& other) noexcept;
  SweepFile& operator=(SweepFile&&) = delete;
  ~SweepFile();

  // The row of a point that was done before; null if it was not.
  const SweepRow* known(const std::vector<std::string>& values) const;
  // Its rows that are none of the points, sorted by their values.
  const std::vector<SweepRow>& kept() const { return kept_; }
  // What a reader should know of the file that was there; "" if nothing.
  const std::string& note() const { return note_; }
  // Not thread-safe. A line that cannot be written is only missing; finish() tells.
  void append(const SweepRow& row);
  // All rows of the result, with their marks, in place of the file.
  std::optional<Diagnostic> finish(const SweepResult& result);

 private:
  SweepFile(std::string path, std::string hash) : path_(std::move(path)), hash_(std::move(hash)) {}

  using Rows = std::map<std::vector<std::string>, SweepRow>;
  // Takes what was read; why it must not.
  std::optional<Diagnostic> take(ReadRows read, const std::vector<SweepAxis>& axes,
                                 const std::vector<std::int64_t>& points);

  std::string path_;
  std::string hash_;
  Rows known_;  // by values; with those that are kept
  std::vector<SweepRow> kept_;
  std::string note_;
  int file_ = -1;
};

}  // namespace lockstep::tools
