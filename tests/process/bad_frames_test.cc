// A peer that knows the secret and sends nonsense: an error that names it, never a hang.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <span>

#include "backend/process/call.h"
#include "sim/base/random.h"
#include "tests/process/crew_fixture.h"

namespace lockstep::process {
namespace {

namespace asio = boost::asio;

const Tag kTag{1, 2, 3, 4};

std::string frame(const Tag& tag, std::uint64_t bytes, std::size_t sent) {
  return text_of(encode(FrameHeader{tag, bytes})) + std::string(sent, 'x');
}

// Rank 1 connects to rank 0 with a socket of its own and sends `bytes`. Then it closes, or, if
// `stays`, waits for rank 0 to close.
void misbehave(const Member& member, const std::string& bytes, bool stays) {
  asio::io_context io;
  Socket socket = call(io, member, 0);
  std::array<std::byte, kGreetingBytes> answer{};
  asio::read(socket, asio::buffer(answer));
  check_answer(member, 0, answer);
  boost::system::error_code ignored;
  asio::write(socket, asio::buffer(bytes), ignored);
  char none = 0;
  if (stays) asio::read(socket, asio::buffer(&none, 1), ignored);
}

// What rank 0's receive() of 100 bytes throws; "" if it throws nothing.
template <class Error>
std::string refusal_of(const std::string& bytes, bool stays = true) {
  const Outcome outcome = run_crew(crew_of(2), [&](Member& member) {
    if (member.id() == 1) {
      misbehave(member, bytes, stays);
      return 0;
    }
    MeshLimits limits;
    limits.frame_bytes = 1000;
    limits.mailbox_bytes = 500;
    Mesh mesh(member, {1}, limits);
    try {
      mesh.receive(1, kTag, 100);
    } catch (const Error& error) {
      expect(error.peer() == 1);
      member.report(bytes_of(error.what()));
    }
    return 0;
  });
  REQUIRE_FALSE(outcome.failure);
  return text_of(outcome.reports[0]);
}

TEST_CASE("what was asked for is no error") {
  CHECK(refusal_of<PeerError>(frame(kTag, 100, 100)).empty());
  // Of other communicators as much as fits: 4 frames of 93 + 32 bytes.
  std::string bytes;
  for (std::uint32_t i = 0; i < 4; ++i) bytes += frame({1, 9 + i, 0, 0}, 93, 93);
  CHECK(refusal_of<PeerError>(bytes + frame(kTag, 100, 100)).empty());
}

TEST_CASE("another magic") {
  CHECK(refusal_of<ProtocolError>(std::string(32, '?')) ==
        "rank 0 got from rank 1 bytes that are no frame");
}

TEST_CASE("another tag or size") {
  const std::string expected = "; expected kind 1, communicator 2, call 3, turn 4 of 100 bytes";
  const auto refused = [](const Tag& tag, std::uint64_t bytes) {
    return refusal_of<ProtocolError>(frame(tag, bytes, bytes));
  };
  CHECK(refused({7, 2, 3, 4}, 100) ==
        "rank 0 got from rank 1 kind 7, communicator 2, call 3, turn 4 of 100 bytes" + expected);
  CHECK(refused({1, 2, 4, 4}, 100) ==
        "rank 0 got from rank 1 kind 1, communicator 2, call 4, turn 4 of 100 bytes" + expected);
  CHECK(refused({1, 2, 3, 5}, 100) ==
        "rank 0 got from rank 1 kind 1, communicator 2, call 3, turn 5 of 100 bytes" + expected);
  CHECK(refused(kTag, 99) ==
        "rank 0 got from rank 1 kind 1, communicator 2, call 3, turn 4 of 99 bytes" + expected);
}

TEST_CASE("a frame that is too large, before its payload") {
  CHECK(
      refusal_of<ProtocolError>(frame(kTag, 1001, 0)) ==
      "rank 0 got from rank 1 a frame that is too large: kind 1, communicator 2, call 3, turn 4 of "
      "1001 bytes; at most 1000 bytes are allowed");
  CHECK_FALSE(refusal_of<ProtocolError>(frame({1, 9, 0, 0}, ~0ULL, 0)).empty());
}

TEST_CASE("more than fits in the mailbox before what is asked for") {
  std::string bytes;
  for (std::uint32_t i = 0; i < 5; ++i) bytes += frame({1, 9 + i, 0, 0}, 93, 93);
  CHECK(refusal_of<ProtocolError>(bytes + frame(kTag, 100, 100)) ==
        "rank 0 got from rank 1 kind 1, communicator 13, call 0, turn 0 of 93 bytes before kind 1, "
        "communicator 2, call 3, turn 4, and more than 500 bytes that nobody asks for");
  bytes.clear();
  for (int i = 0; i < 16; ++i) bytes += frame({1, 9, 0, 0}, 0, 0);
  CHECK_FALSE(refusal_of<ProtocolError>(bytes).empty());
}

TEST_CASE("an end in the middle of a frame") {
  CHECK(refusal_of<Truncated>(frame(kTag, 100, 0).substr(0, 31), false) ==
        "rank 1 closed the connection with rank 0 in the middle of a frame, after 31 of 32 bytes");
  CHECK(
      refusal_of<Truncated>(frame(kTag, 100, 99), false) ==
      "rank 1 closed the connection with rank 0 in the middle of a frame, after 131 of 132 bytes");
  CHECK_FALSE(refusal_of<Truncated>(frame({1, 9, 0, 0}, 100, 5), false).empty());
}

TEST_CASE("an end between frames") {
  CHECK(refusal_of<PeerGone>("", false) == "rank 0 lost its connection with rank 1");
  CHECK_FALSE(refusal_of<PeerGone>(frame({1, 9, 0, 0}, 100, 100), false).empty());
}

TEST_CASE("the coordinator tells who sent nonsense to whom, and where") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    if (member.id() == 1) {
      misbehave(member, std::string(100, '?'), true);
      sleep_for(seconds(60));
    }
    Mesh mesh(member, {1});
    member.start_operation(12);
    mesh.receive(1, kTag, 100);
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == Cause::protocol);
  CHECK(outcome.failure->member == 0);
  CHECK(outcome.failure->peer == 1);
  CHECK(outcome.failure->text ==
        "rank 0 got from rank 1 bytes that are no frame at operation 12 (step 12)");
}

TEST_CASE("a member that a peer does not expect is turned away") {
  const Outcome outcome = run_crew(crew_of(3), [](Member& member) {
    const std::vector<int> peers[] = {{1}, {0}, {0}};
    Mesh mesh(member, peers[member.id()]);
    if (member.id() < 2) mesh.receive(1 - member.id(), kTag, 100);
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == Cause::turned_away);
  CHECK(outcome.failure->member == 2);
  CHECK(outcome.failure->text ==
        "rank 2 was turned away by rank 0: it expects no connection from there");
}

TEST_CASE("random bytes and frames with wrong bits end with an error") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::string bytes;
    for (int i = 0; i < 6; ++i) {
      const auto size = static_cast<std::size_t>(random.below(120));
      bytes += frame({1, static_cast<std::uint32_t>(random.below(4)), 3, 4}, size, size);
    }
    const std::int64_t wrong = random.chance(1, 3) ? 200 : 1 + random.below(3);
    for (std::int64_t i = 0; i < wrong; ++i) {
      const auto at =
          static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size())));
      bytes[at] = static_cast<char>(random.next() & 0xFF);
    }
    // It may have been the frame that was asked for; otherwise it is refused, or runs out.
    const std::string text = refusal_of<PeerError>(bytes, false);
    if (!text.empty()) CHECK(text.find("rank 1") != std::string::npos);
  }
}

TEST_CASE("one who answers without knowing the secret is found out") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    if (member.id() == 1) {
      try {
        Mesh mesh(member, {0});
      } catch (const ProtocolError& error) {
        expect(error.peer() == 0);
        member.report(bytes_of(error.what()));
      }
      return 0;
    }
    asio::io_context io;
    asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol(),
                                                    dup(member.listener()));
    Socket socket = acceptor.accept();
    // What the caller has shown is not what it wants to see.
    std::array<std::byte, kGreetingBytes> greeting{};
    asio::read(socket, asio::buffer(greeting));
    std::ranges::fill(std::span(greeting).subspan(4, 4), std::byte{0});
    asio::write(socket, asio::buffer(greeting));
    boost::system::error_code closed;
    asio::read(socket, asio::buffer(greeting, 1), closed);
    return 0;
  });
  REQUIRE_FALSE(outcome.failure);
  CHECK(text_of(outcome.reports[1]).find("does not know the secret") != std::string::npos);
}

}  // namespace
}  // namespace lockstep::process
