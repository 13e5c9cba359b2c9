#include "tools/sweep_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "tools/output.h"

namespace lockstep::tools {
namespace {

// None if it cannot be read. Of a device or a pipe nothing is: it holds nothing that could be lost.
std::optional<std::string> read_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return "";
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Makes the file unless it is there, in one step, so that nobody else's is ever taken for a new
// one.
bool make_empty(const std::string& path) {
  constexpr mode_t kReadableByAll = 0644;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kReadableByAll);
  if (file < 0) return false;
  close(file);
  return true;
}

Diagnostic not_ours(const std::string& path, const std::string& what,
                    const std::string& hint = "name another file, or remove this one") {
  return plain_fault(fmt::format("--csv: {} {}; it was not touched", path, what), hint);
}

}  // namespace

Result<SweepFile> SweepFile::open(const std::string& path, bool resume,
                                  const std::vector<SweepAxis>& axes,
                                  const std::vector<std::int64_t>& points,
                                  const std::string& hash) {
  SweepFile made(path, hash);
  if (path.empty() || path == kStandardOutput) return made;
  const std::optional<std::string> text = make_empty(path) ? "" : read_file(path);
  if (!text) return not_ours(path, "is there and cannot be read");
  std::string begin = csv_header(axes);
  if (!text->empty()) {
    ReadRows read = read_csv(*text, axes, hash);
    if (!read.same_columns) return not_ours(path, "is no sweep of these columns");
    if (read.has_others) return not_ours(path, "has the rows of another scenario or other --set");
    if (resume) {
      if (auto fault = made.take(std::move(read), axes, points)) return *fault;
    }
  }
  for (const auto& [values, row] : made.known_) begin += csv_line(row, hash);
  if (auto fault = write_file(path, begin)) return *fault;
  made.file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  return made;
}

std::optional<Diagnostic> SweepFile::take(ReadRows read, const std::vector<SweepAxis>& axes,
                                          const std::vector<std::int64_t>& points) {
  for (SweepRow& row : read.rows) {
    std::vector<std::string> values = row.values;
    known_.emplace(std::move(values), std::move(row));
  }
  Rows others = known_;
  std::vector<UnreadLine> lost = read.unread;
  for (const std::int64_t point : points) {
    const std::vector<std::string> values = values_at(axes, point);
    others.erase(values);
    std::erase_if(lost, [&](const UnreadLine& line) { return line.values == values; });
  }
  if (!lost.empty()) {
    const std::string what = fmt::format("has a line {} that is no row of a sweep: {}",
                                         lost.front().line, lost.front().why);
    return not_ours(path_, what, "mend or remove the line, or sweep its point, too");
  }
  for (auto& [values, row] : others) kept_.push_back(std::move(row));
  sort_by_values(kept_);
  if (!read.unread.empty()) {
    const UnreadLine& line = read.unread.front();
    note_ = fmt::format("{} has {} that cannot be read ({}: {}); done again", path_,
                        read.unread.size() == 1 ? "a line" : "lines", line.line, line.why);
  }
  return std::nullopt;
}

SweepFile::SweepFile(SweepFile&& other) noexcept
    : path_(std::move(other.path_)),
      hash_(std::move(other.hash_)),
      known_(std::move(other.known_)),
      kept_(std::move(other.kept_)),
      note_(std::move(other.note_)),
      file_(std::exchange(other.file_, -1)) {}

SweepFile::~SweepFile() {
  if (file_ >= 0) close(file_);
}

const SweepRow* SweepFile::known(const std::vector<std::string>& values) const {
  const auto found = known_.find(values);
  return found == known_.end() ? nullptr : &found->second;
}

void SweepFile::append(const SweepRow& row) {
  if (file_ < 0) return;
  const std::string line = csv_line(row, hash_);
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t count = write(file_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    done += static_cast<std::size_t>(count);
  }
}

std::optional<Diagnostic> SweepFile::finish(const SweepResult& result) {
  if (path_.empty()) return std::nullopt;
  return write_file(path_, sweep_csv(result));
}

}  // namespace lockstep::tools
