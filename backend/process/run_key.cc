#include "backend/process/run_key.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "backend/process/error.h"
#include "sim/base/hash.h"
#include "sim/base/require.h"

namespace lockstep::process {
namespace {

constexpr int kBacklog = 1024;  // the kernel takes less where net.core.somaxconn is less

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void draw(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0 && errno != EINTR) fail("random bytes for the run's secret");
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace

RunKey draw_key(std::string run_name) {
  RunKey key;
  draw(key.of_caller);
  draw(key.of_answerer);
  if (run_name.empty()) {
    std::array<std::byte, 8> number{};
    draw(number);
    run_name = "lockstep-" + hex64(get_number(number));
  }
  key.run_name = std::move(run_name);
  return key;
}

bool is_same(const Half& a, const Half& b) {
  std::byte difference{0};
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == std::byte{0};
}

std::string address_of(const RunKey& key, int member) {
  return fmt::format("@{}/{}", key.run_name, member);
}

std::string socket_path(const RunKey& key, int member) {
  std::string path = address_of(key, member);
  path.front() = '\0';
  return path;
}

File listen_as(const RunKey& key, int member) {
  const std::string path = socket_path(key, member);
  sockaddr_un address{};
  LOCKSTEP_ASSERT(path.size() <= sizeof address.sun_path);
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) fail("a socket for " + address_of(key, member));
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno == EADDRINUSE) throw AddressInUse(address_of(key, member));
    fail("binding " + address_of(key, member));
  }
  if (listen(socket.get(), kBacklog) != 0) fail("listening at " + address_of(key, member));
  return above_standard_streams(std::move(socket));
}

Credentials credentials_of(int socket) {
  ucred found{};
  socklen_t size = sizeof found;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) {
    fail("the other end's credentials");
  }
  return {found.uid, found.pid};
}

}  // namespace lockstep::process
