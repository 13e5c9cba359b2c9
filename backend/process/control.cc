#include "backend/process/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace lockstep::process {
namespace {

// Whoever waits for the socket to be readable may have made it one that does not block.
bool send_all(int socket, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const bool is_full = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    pollfd room{socket, POLLOUT, 0};
    if (is_full && poll(&room, 1, -1) < 0 && errno != EINTR) return false;
    if (count < 0 && !is_full && errno != EINTR) return false;
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

ControlPair make_control_pair() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "a control connection");
  }
  File coordinator(ends[0]);
  File member(ends[1]);
  ControlPair pair{above_standard_streams(std::move(coordinator)),
                   above_standard_streams(std::move(member))};
  if (fcntl(pair.coordinator.get(), F_SETFL, O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "a control connection");
  }
  return pair;
}

bool send_control(int socket, ControlKind kind, Bytes payload) {
  return send_all(socket, encode(ControlHeader{kind, payload.size()})) && send_all(socket, payload);
}

ControlReader::Status ControlReader::read(int socket, std::deque<ControlMessage>& messages) {
  while (true) {
    const std::span<std::byte> whole =
        in_payload_ ? std::span<std::byte>(message_.payload) : std::span<std::byte>(header_);
    if (filled_ == whole.size()) {
      filled_ = 0;
      if (!in_payload_ && !begin_message()) return Status::broken;
      if (in_payload_) messages.push_back(std::exchange(message_, {}));
      in_payload_ = !in_payload_;
      continue;
    }
    const ssize_t count = recv(socket, whole.data() + filled_, whole.size() - filled_, 0);
    if (count == 0) return Status::ended;
    if (count > 0) filled_ += static_cast<std::size_t>(count);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Status::open;
    if (count < 0 && errno != EINTR) return Status::ended;
  }
}

bool ControlReader::begin_message() {
  const auto header = decode_control_header(header_);
  if (!header) return false;
  const std::size_t limit = header->kind == ControlKind::report ? report_bytes_ : kLongestText;
  const std::size_t least = header->kind == ControlKind::failure ? kFailureHeadBytes : 0;
  if (header->bytes > limit || header->bytes < least) return false;
  message_.kind = header->kind;
  message_.payload.resize(header->bytes);
  return true;
}

}  // namespace lockstep::process
