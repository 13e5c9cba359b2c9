// Messages between members that do nothing wrong.
#include "backend/process/mesh.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/process/crew_fixture.h"

namespace lockstep::process {
namespace {

constexpr std::size_t kLarge = std::size_t{kIsSanitized ? 4 : 64} << 20;

// Whether `action` throws an Error; what else it throws is let through.
template <class Error, class Action>
bool throws(Action action) {
  try {
    action();
  } catch (const Error&) {
    return true;
  }
  return false;
}

Tag turn(std::uint32_t number) { return {1, 0, 0, number}; }

TEST_CASE("every pair of ranks and the observer exchange their names") {
  CrewOptions options = crew_of(5);
  options.observer = true;
  const Outcome outcome = run_crew(options, [](Member& member) {
    Mesh mesh(member, others(member));
    for (const int peer : others(member)) mesh.send(peer, turn(0), bytes_of(member.name()));
    for (const int peer : others(member)) {
      const std::string name = member.name_of_member(peer);
      expect(text_of(mesh.receive(peer, turn(0), name.size())) == name);
    }
    mesh.flush();
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("both halves of send_receive go on at once, whatever their size") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    const int peer = 1 - member.id();
    Mesh mesh(member, {peer});
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{65535}, kLarge}) {
      const auto mine = pattern(bytes, static_cast<std::uint64_t>(member.id()));
      std::vector<std::byte> got(bytes);
      mesh.send_receive({peer, turn(1), mine}, {peer, turn(1), got});
      expect(got == pattern(bytes, static_cast<std::uint64_t>(peer)));
    }
    // 0 + 1 + 65,535 + the large one
    expect(mesh.bytes_sent(peer) == 65536 + kLarge);
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("a ring passes large payloads on without a deadlock") {
  const Outcome outcome = run_crew(crew_of(4), [](Member& member) {
    const int right = (member.id() + 1) % 4;
    const int left = (member.id() + 3) % 4;
    Mesh mesh(member, others(member));
    std::vector<std::byte> mine = pattern(kLarge / 16, static_cast<std::uint64_t>(member.id()));
    std::vector<std::byte> next(mine.size());
    for (std::uint32_t round = 0; round < 4; ++round) {
      mesh.send_receive({right, turn(round), mine}, {left, turn(round), next});
      std::swap(mine, next);
    }
    // Four rounds bring everybody its own again.
    expect(mine == pattern(kLarge / 16, static_cast<std::uint64_t>(member.id())));
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("frames of other communicators wait, those of one come in order") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    Mesh mesh(member, {1 - member.id()});
    if (member.id() == 0) {
      for (std::uint32_t i = 0; i < 100; ++i) {
        mesh.send(1, {1, i % 3, i, 0}, pattern(1000 + i, i));
      }
      mesh.flush();
      return 0;
    }
    for (const std::uint32_t communicator : {2U, 0U, 1U}) {
      for (std::uint32_t i = communicator; i < 100; i += 3) {
        expect(mesh.receive(0, {1, communicator, i, 0}, 1000 + i) == pattern(1000 + i, i));
      }
    }
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("what does not fit in the mailbox stays with its sender") {
  const Outcome outcome = run_crew(crew_of(3), [](Member& member) {
    MeshLimits limits;
    limits.mailbox_bytes = 10'000;
    Mesh mesh(member, others(member), limits);
    if (member.id() == 0) {
      for (std::uint32_t i = 0; i < 50; ++i) mesh.send(2, turn(i), pattern(3000, i));
      mesh.flush();
      return 0;
    }
    if (member.id() == 1) {
      sleep_for(milliseconds(50));
      mesh.send(2, turn(0), {});
      mesh.flush();
      return 0;
    }
    // While it waits for rank 1, what rank 0 sends comes in, as far as there is room.
    mesh.receive(1, turn(0), 0);
    for (std::uint32_t i = 0; i < 50; ++i) {
      expect(mesh.receive(0, turn(i), 3000) == pattern(3000, i));
    }
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("a frame that is on its way is taken where it is asked for") {
  const Outcome outcome = run_crew(crew_of(3), [](Member& member) {
    Mesh mesh(member, others(member));
    if (member.id() == 0) {
      mesh.send(2, turn(0), pattern(8 << 20, 7));
    } else if (member.id() == 1) {
      sleep_for(milliseconds(20));
      mesh.send(2, turn(0), {});
    } else {
      mesh.receive(1, turn(0), 0);
      expect(mesh.receive_up_to(0, turn(0), 8 << 20) == pattern(8 << 20, 7));
    }
    mesh.flush();
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("one who serves several takes whatever comes, and ends when all have gone") {
  CrewOptions options = crew_of(4);
  options.observer = true;
  const Outcome outcome = run_crew(options, [](Member& member) {
    if (!member.is_observer()) {
      Mesh mesh(member, {4});
      for (std::uint32_t i = 0; i < 20; ++i) {
        mesh.send(4, turn(i), pattern(i * 5000, static_cast<std::uint64_t>(member.id())));
      }
      mesh.flush();
      return 0;
    }
    Mesh mesh(member, {0, 1, 2, 3});
    std::vector<std::uint32_t> next(4, 0);
    for (int i = 0; i < 80; ++i) {
      const Mesh::Message got = mesh.receive_next();
      std::uint32_t& expected = next[static_cast<std::size_t>(got.peer)];
      expect(got.tag == turn(expected));
      expect(got.payload == pattern(expected * 5000, static_cast<std::uint64_t>(got.peer)));
      ++expected;
    }
    expect(throws<PeerGone>([&] { mesh.receive_next(); }));
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("after a wait that was too long the other connections go on") {
  const Outcome outcome = run_crew(crew_of(3), [](Member& member) {
    MeshLimits limits;
    if (member.id() == 0) limits.wait = milliseconds(50);
    Mesh mesh(member, others(member), limits);
    if (member.id() == 0) {
      std::vector<std::byte> never(kLarge);
      std::vector<std::byte> nothing(kLarge);
      expect(throws<TimedOut>([&] {
        mesh.send_receive({1, turn(0), nothing}, {2, turn(0), never});
      }));
      // Both are closed now: rank 1 has a part of a frame, rank 2 sees an end.
      member.start_operation(1);
      expect(throws<PeerGone>([&] { mesh.send(2, turn(1), {}); }));
      expect(throws<PeerGone>([&] { mesh.receive(1, turn(1), 1); }));
      return 0;
    }
    expect(comes_true([&] { return member.board().position(0).operation == 1; }));
    expect(throws<PeerError>([&] { mesh.receive(0, turn(0), kLarge); }));
    const int peer = 3 - member.id();
    std::vector<std::byte> got(1000);
    mesh.send_receive({peer, turn(0), pattern(1000, 3)}, {peer, turn(0), got});
    expect(got == pattern(1000, 3));
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("send keeps little and waits with more") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    MeshLimits limits;
    limits.socket_bytes = 10'000;
    limits.unsent_bytes = 100'000;
    Mesh mesh(member, others(member), limits);
    if (member.id() == 1) {
      // It reads nothing before rank 0 has sent what it may keep.
      expect(comes_true([&] { return member.board().position(0).operation == 1; }));
      sleep_for(milliseconds(20));
      expect(member.board().position(0).operation == 1);
      for (std::uint32_t i = 0; i < 2; ++i) {
        expect(mesh.receive(0, turn(i), 90'000 + i * 500'000) == pattern(90'000 + i * 500'000, i));
      }
      return 0;
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      std::vector<std::byte> payload = pattern(90'000 + i * 500'000, i);
      mesh.send(1, turn(i), payload);
      member.start_operation(static_cast<int>(i) + 1);
      std::ranges::fill(payload, std::byte{0});  // it is free
    }
    mesh.flush();
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("members that nobody names do not talk") {
  const Outcome outcome = run_crew(crew_of(4), [](Member& member) {
    // A line: 0 - 1 - 2 - 3.
    std::vector<int> peers;
    if (member.id() > 0) peers.push_back(member.id() - 1);
    if (member.id() < 3) peers.push_back(member.id() + 1);
    Mesh mesh(member, peers);
    for (const int peer : peers) mesh.send(peer, turn(0), {});
    for (const int peer : peers) mesh.receive(peer, turn(0), 0);
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

}  // namespace
}  // namespace lockstep::process
