#include "backend/nccl/launch/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>

#include "backend/process/child.h"
#include "backend/process/failure.h"
#include "backend/process/file.h"

namespace lockstep::nccl {
namespace {

using Clock = std::chrono::steady_clock;
using process::Buffer;
using process::Child;
using process::File;

Machine in_trouble(std::string what) {
  Machine machine;
  machine.trouble = std::move(what);
  return machine;
}

Machine look_safely(const std::function<Machine()>& look) noexcept {
  try {
    return look();
  } catch (const std::exception& error) {
    return in_trouble(error.what());
  } catch (...) {
    return in_trouble("an exception that is no std::exception");
  }
}

// A pipe has room for what a machine needs to say of itself many times over (64 KiB).
[[noreturn]] void answer(const std::function<Machine()>& look, int to) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Buffer bytes = encode(look_safely(look));
  const ssize_t written = write(to, bytes.data(), bytes.size());
  _exit(written == static_cast<ssize_t>(bytes.size()) ? 0 : 1);
}

// What comes until the writer has closed; nothing if it has not by then.
std::optional<Buffer> read_until(int from, Clock::time_point deadline) {
  Buffer bytes;
  std::array<std::byte, 4096> piece{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd wanted{from, POLLIN, 0};
    if (poll(&wanted, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t count = read(from, piece.data(), piece.size());
    if (count == 0) return bytes;
    if (count > 0) bytes.insert(bytes.end(), piece.begin(), piece.begin() + count);
  }
}

std::string how_it_ended(Child& child) {
  for (int i = 0; i < 100 && child.runs(); ++i) {
    const std::optional<int> status = child.change();
    if (status && WIFSIGNALED(*status)) {
      return "was killed by " + process::signal_name(WTERMSIG(*status));
    }
    if (!status) poll(nullptr, 0, 10);
  }
  return "ended without an answer";
}

}  // namespace

Machine probed(const std::function<Machine()>& look, std::chrono::milliseconds limit) {
  constexpr const char* kWho = "the process that looked for GPUs";
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return in_trouble(std::strerror(errno));
  File from(ends[0]);
  File to(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return in_trouble(std::strerror(errno));
  if (pid == 0) answer(look, to.get());
  Child child(pid);
  to.close();
  const std::optional<Buffer> bytes = read_until(from.get(), Clock::now() + limit);
  if (!bytes) {
    return in_trouble(fmt::format("{} gave no answer in {} ms", kWho, limit.count()));
  }
  try {
    return decode_machine(*bytes);
  } catch (const process::BytesError&) {
    return in_trouble(fmt::format("{} {}", kWho, how_it_ended(child)));
  }
}

}  // namespace lockstep::nccl
