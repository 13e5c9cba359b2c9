// Who is to blame, from what comes to light in any order.
#include "backend/process/failure.h"

#include <doctest/doctest.h>

#include "backend/process/suspects.h"

namespace lockstep::process {
namespace {

using Ids = std::vector<int>;

Accusation gone(int member, int peer) { return {Cause::peer_gone, member, peer, 0, "gone", {}}; }
Accusation killed(int member) { return {Cause::killed, member, -1, 9, "was killed", {}}; }
Accusation nonsense(int member, int peer) { return {Cause::protocol, member, peer, 0, "bad", {}}; }

int blamed(const std::vector<Accusation>& accusations) {
  Suspects suspects;
  for (const Accusation& accusation : accusations) suspects.add(accusation);
  return suspects.best().member;
}

TEST_CASE("one that was killed is the cause of all losses, but not of nonsense before") {
  CHECK(blamed({gone(0, 3), gone(1, 0), killed(3)}) == 3);
  CHECK(blamed({killed(3), gone(0, 3)}) == 3);
  CHECK(blamed({nonsense(0, 3), killed(3)}) == 0);
}

TEST_CASE("nonsense comes before a loss that follows from it") {
  CHECK(blamed({gone(3, 0), nonsense(0, 3)}) == 0);
}

TEST_CASE("of losses the one whose peer does not complain is the first") {
  CHECK(blamed({gone(1, 0), gone(2, 1), gone(0, 3)}) == 0);
}

TEST_CASE("a loss is not certain to be the cause") {
  Suspects suspects;
  suspects.add(gone(0, 3));
  CHECK_FALSE(suspects.is_certain());
  CHECK(suspects.named_peer() == 3);
  suspects.add(killed(3));
  CHECK(suspects.is_certain());
}

std::vector<Position> waiting_for(const Ids& peers) {
  std::vector<Position> seen;
  for (const int peer : peers) {
    seen.push_back({peer < 0 ? State::computing : State::waiting, 5, peer, 0, 0, 0});
  }
  return seen;
}

TEST_CASE("who waits for one that waits waits, too") {
  // 0 -> 1 -> 2, 3 waits for nobody.
  const Failure failure = describe(killed(2), waiting_for({1, 2, -1, -1}), {4, {}});
  CHECK(failure.waiting == Ids{0, 1});
  CHECK(failure.text == "rank 2 was killed at operation 5; ranks 0-1 waited for it");
}

TEST_CASE("the observer has a name") {
  const Failure failure = describe(killed(0), waiting_for({-1, 0, 0}), {2, {}});
  CHECK(failure.text == "rank 0 was killed at operation 5; rank 1 and the observer waited for it");
  CHECK(describe(killed(1), waiting_for({1, -1}), {1, {}}).text ==
        "the observer was killed at operation 5; rank 0 waited for it");
}

TEST_CASE("a standstill is blamed on one that works, if there is one") {
  const auto accused = [](const Ids& peers) {
    return accuse_of_standstill(waiting_for(peers), 60, {static_cast<int>(peers.size()), {}});
  };
  CHECK(accused({1, 2, -1}).member == 2);
  CHECK(accused({1, 2, -1}).what == "did nothing for 60 s");
  // 0 leads into the circle 1 -> 2 -> 1.
  CHECK(accused({1, 2, 1}).member == 1);
  CHECK(accused({1, 2, 1}).detail ==
        "rank 1 waits for rank 2 at operation 5, rank 2 waits for rank 1 at operation 5");
}

TEST_CASE("a long circle is cut") {
  Ids peers;
  for (int m = 0; m < 64; ++m) peers.push_back((m + 1) % 64);
  const std::string detail = accuse_of_standstill(waiting_for(peers), 1, {64, {}}).detail;
  CHECK(detail.size() < 500);
  CHECK(detail.find(", and so on, 56 more") != std::string::npos);
}

TEST_CASE("one that waits for who is done says so") {
  std::vector<Position> seen = waiting_for({1, 1});
  seen[1] = {State::done, 9, -1, 0, 0, 0};
  const Accusation accusation = accuse_of_standstill(seen, 1, {2, {}});
  CHECK(accusation.member == 0);
  CHECK(accusation.detail == "rank 0 waits for rank 1 at operation 5, which is done");
}

TEST_CASE("signals have their names") {
  CHECK(signal_name(9) == "SIGKILL");
  CHECK(signal_name(1000) == "signal 1000");
}

}  // namespace
}  // namespace lockstep::process
