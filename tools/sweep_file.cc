#include "tools/sweep_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "sim/report/sweep_csv.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

Result<SweepFile> SweepFile::open(const std::string& path, bool resume,
                                  const std::vector<SweepAxis>& axes, const std::string& hash) {
  SweepFile made(path, hash);
  if (path.empty()) return made;
  std::string begin = csv_header(axes);
  const std::string text = resume ? read_file(path) : "";
  if (!text.empty()) {
    const ReadRows read = read_csv(text, axes, hash);
    if (!read.same_columns) {
      return Diagnostic{{},
                        "",
                        fmt::format("--resume: {} has other columns", path),
                        "",
                        "name another file, or sweep without --resume to replace it"};
    }
    for (const SweepRow& row : read.rows) {
      if (made.known_.emplace(row.values, row).second) begin += csv_line(row, hash);
    }
  }
  if (auto fault = write_file(path, begin)) return *fault;
  made.file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  return made;
}

SweepFile::SweepFile(SweepFile&& other) noexcept
    : path_(std::move(other.path_)),
      hash_(std::move(other.hash_)),
      known_(std::move(other.known_)),
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
