#include "tools/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "tools/options.h"

namespace lockstep::tools {
namespace {

Diagnostic cannot_write(const std::string& path, int error) {
  return {{},
          "",
          fmt::format("cannot write {}: {}", path, std::generic_category().message(error)),
          "",
          "nothing was changed"};
}

// Writes all of `text`; 0 or an errno.
int write_all(int file, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    done += static_cast<std::size_t>(count);
  }
  return fsync(file) == 0 || errno == EINVAL ? 0 : errno;
}

// A device or a pipe cannot be replaced by renaming, and holds nothing that could be lost.
bool is_replaceable(const std::string& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

// A device takes what both write.
bool is_one_place(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  if (a == kStandardOutput || b == kStandardOutput) return a == b;
  std::error_code ignored;
  const auto of = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(path, ignored);
  };
  return is_replaceable(a) && of(a) == of(b);
}

std::optional<Diagnostic> write_in_place(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return cannot_write(path, errno);
  const int error = write_all(file, text);
  close(file);
  if (error != 0) return cannot_write(path, error);
  return std::nullopt;
}

}  // namespace

std::optional<Diagnostic> same_output(const std::vector<Output>& outputs,
                                      const std::vector<std::string>& inputs) {
  for (const Output& output : outputs) {
    for (const std::string& input : inputs) {
      if (output.path == kStandardOutput || !is_one_place(input, output.path)) continue;
      return plain_fault(
          fmt::format("{} {} would replace what is read", output.option, output.path),
          "give it a place of its own");
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!is_one_place(outputs[j].path, outputs[i].path)) continue;
      return plain_fault(fmt::format("{} and {} both write to {}", outputs[j].option,
                                     outputs[i].option, outputs[i].path),
                         "give each a place of its own");
    }
  }
  return std::nullopt;
}

std::optional<Diagnostic> write_file(const std::string& path, const std::string& text) {
  if (path == kStandardOutput) {
    print(text);
    return std::nullopt;
  }
  if (!is_replaceable(path)) return write_in_place(path, text);
  std::string temporary = path + ".XXXXXX";
  const int file = mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return cannot_write(path, errno);
  constexpr mode_t kReadableByAll = 0644;
  int error = fchmod(file, kReadableByAll) == 0 ? write_all(file, text) : errno;
  close(file);
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return std::nullopt;
  unlink(temporary.c_str());
  return cannot_write(path, error);
}

void JsonOutput::add(const nlohmann::ordered_json& json) { lines_ += json.dump() + "\n"; }

int JsonOutput::finish() const {
  if (target_.empty() || lines_.empty()) return kGood;
  if (alone()) {
    print(lines_);
    return kGood;
  }
  const auto fault = write_file(target_, lines_);
  return fault ? fail({*fault}) : kGood;
}

}  // namespace lockstep::tools
