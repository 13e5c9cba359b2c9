// The control connection between a member and the coordinator: a pair of sockets made before the
// fork. The member writes messages (wire.h); the coordinator writes nothing: it closes, and that
// ends the member's waits.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "backend/process/file.h"
#include "backend/process/wire.h"

namespace lockstep::process {

// Texts (failures, notes) are cut to this many bytes by the member and refused beyond.
inline constexpr std::size_t kLongestText = std::size_t{1} << 16;

struct ControlPair {
  File coordinator;  // does not block
  File member;       // blocks
};
// Throws std::system_error.
ControlPair make_control_pair();

// Sends a message; blocks while the coordinator does not read. False if it has closed.
bool send_control(int socket, ControlKind kind, Bytes payload);
inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct ControlMessage {
  ControlKind kind{};
  std::vector<std::byte> payload;
};

// Puts messages together from what arrives.
class ControlReader {
 public:
  // Reports longer than `report_bytes` are refused.
  explicit ControlReader(std::size_t report_bytes) : report_bytes_(report_bytes) {}

  enum class Status : std::uint8_t { open, ended, broken };
  // Reads what is there without blocking, and puts whole messages into `messages`. `broken`: what
  // came was no message, or one too long; the connection is then to be closed.
  Status read(int socket, std::deque<ControlMessage>& messages);

 private:
  bool begin_message();

  std::size_t report_bytes_;
  std::array<std::byte, kControlHeaderBytes> header_{};
  ControlMessage message_;
  std::size_t filled_ = 0;  // of the header, then of the payload
  bool in_payload_ = false;
};

}  // namespace lockstep::process
