// Bytes on the wire, and what is refused of them.
#include "backend/process/wire.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "backend/process/control.h"
#include "backend/process/run_key.h"

namespace lockstep::process {
namespace {

TEST_CASE("numbers are little-endian") {
  std::array<std::byte, 4> bytes{};
  put_number(bytes, 0x01020304);
  CHECK(bytes[0] == std::byte{4});
  CHECK(bytes[3] == std::byte{1});
  CHECK(get_number(bytes) == 0x01020304);
}

TEST_CASE("a frame's header comes back as it was") {
  const FrameHeader header{{1, 0xFFFFFFFF, 1ULL << 40, 7}, 1ULL << 33};
  const auto bytes = encode(header);
  CHECK(text_of(Bytes(bytes).first(4)) == "LSF1");
  const auto back = decode_frame_header(bytes);
  REQUIRE(back);
  CHECK(back->tag == header.tag);
  CHECK(back->bytes == header.bytes);
}

TEST_CASE("another magic is no frame, no greeting and no control message") {
  auto frame = encode(FrameHeader{});
  auto greeting = encode(Greeting{});
  auto control = encode(ControlHeader{ControlKind::note, 5});
  CHECK(decode_control_header(control));
  for (std::size_t i = 0; i < 4; ++i) {
    frame[i] ^= std::byte{1};
    greeting[i] ^= std::byte{1};
    control[i] ^= std::byte{1};
    CHECK_FALSE(decode_frame_header(frame));
    CHECK_FALSE(decode_greeting(greeting));
    CHECK_FALSE(decode_control_header(control));
    frame[i] ^= std::byte{1};
    greeting[i] ^= std::byte{1};
    control[i] ^= std::byte{1};
  }
  for (const std::uint32_t kind : {0U, 4U, 0xFFFFFFFFU}) {
    CHECK_FALSE(decode_control_header(encode(ControlHeader{static_cast<ControlKind>(kind), 0})));
  }
}

TEST_CASE("halves differ if any byte does") {
  const RunKey key = draw_key();
  CHECK(is_same(key.of_caller, key.of_caller));
  CHECK_FALSE(is_same(key.of_caller, key.of_answerer));
  for (std::size_t i = 0; i < kHalfBytes; ++i) {
    Half other = key.of_caller;
    other[i] ^= std::byte{0x80};
    CHECK_FALSE(is_same(key.of_caller, other));
  }
}

TEST_CASE("every run has its own name and secret") {
  const RunKey a = draw_key();
  const RunKey b = draw_key();
  CHECK(a.run_name != b.run_name);
  CHECK_FALSE(is_same(a.of_caller, b.of_caller));
  CHECK(address_of(draw_key("mine"), 3) == "@mine/3");
}

// What the coordinator makes of these bytes if it takes reports of up to 100 bytes.
ControlReader::Status read_all(Bytes bytes, std::deque<ControlMessage>& messages) {
  ControlPair pair = make_control_pair();
  ControlReader reader(100);
  for (const std::byte& b : bytes) {
    send(pair.member.get(), &b, 1, 0);
    const auto status = reader.read(pair.coordinator.get(), messages);
    if (status != ControlReader::Status::open) return status;
  }
  pair.member.close();
  return reader.read(pair.coordinator.get(), messages);
}

std::string control_message(ControlKind kind, std::uint64_t bytes, const std::string& payload) {
  return text_of(encode(ControlHeader{kind, bytes})) + payload;
}

TEST_CASE("control messages are put together byte by byte") {
  std::deque<ControlMessage> messages;
  const std::string sent = control_message(ControlKind::note, 3, "abc") +
                           control_message(ControlKind::report, 0, "") +
                           control_message(ControlKind::failure, 9, "causepeer");
  CHECK(read_all(bytes_of(sent), messages) == ControlReader::Status::ended);
  REQUIRE(messages.size() == 3);
  CHECK(text_of(messages[0].payload) == "abc");
  CHECK(messages[1].kind == ControlKind::report);
  CHECK(text_of(messages[2].payload) == "causepeer");
}

TEST_CASE("a control message that is too long or too short is refused before its payload") {
  std::deque<ControlMessage> messages;
  const auto status_of = [&](ControlKind kind, std::uint64_t bytes) {
    return read_all(bytes_of(control_message(kind, bytes, "")), messages);
  };
  CHECK(status_of(ControlKind::report, 100) == ControlReader::Status::ended);
  CHECK(status_of(ControlKind::report, 101) == ControlReader::Status::broken);
  CHECK(status_of(ControlKind::report, ~0ULL) == ControlReader::Status::broken);
  CHECK(status_of(ControlKind::note, kLongestText + 1) == ControlReader::Status::broken);
  // A failure begins with its cause and its peer.
  CHECK(status_of(ControlKind::failure, 7) == ControlReader::Status::broken);
  CHECK(read_all(bytes_of(std::string(16, '?')), messages) == ControlReader::Status::broken);
  CHECK(messages.empty());
}

}  // namespace
}  // namespace lockstep::process
