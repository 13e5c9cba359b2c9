// Two streams and one buffer: what is a race and what orders it.
#include "sim/contract/stream_race.h"

#include <doctest/doctest.h>

#include "tests/contract/small_world.h"

namespace lockstep::contract {
namespace {

// Operations of two ranks on the tensors x, y, z, each a buffer of its own.
class Streams {
 public:
  Streams() : world_({1, 1}) {
    world_.embed(world_.all);
    for (const char* name : {"y", "z"}) world_.tensor(name);
    plan_ = world_.take();
    plan_.operations.clear();
  }

  // out := factor * in, on a stream. Its number is its place.
  Operation& scale(int in, int out, int stream) {
    Operation op;
    op.kind = OpKind::scale;
    op.name = "scale";
    op.site = {0, 0, "mlp"};
    op.in = {{TensorId{in}, SpecId::none()}};
    op.out = {{TensorId{out}, SpecId{0}}};
    op.stream = stream;
    return plan_.operations.emplace_back(op);
  }
  std::vector<Violation> races() const {
    REQUIRE(validate(plan_) == std::vector<std::string>{});
    return stream_races(plan_);
  }
  Plan& plan() { return plan_; }

 private:
  test::SmallWorld world_;
  Plan plan_;
};

constexpr int kX = 0;
constexpr int kY = 1;
constexpr int kZ = 2;

TEST_CASE("a read that does not wait for the write on another stream is a race") {
  Streams s;
  s.scale(kX, kY, 0);
  s.scale(kY, kZ, 1);
  const std::vector<Violation> races = s.races();
  REQUIRE(races.size() == 1);
  CHECK(races[0].code == Code::stream_race);
  CHECK(races[0].operation.index == 1);
  CHECK(races[0].producer.index == 0);
  CHECK(to_string(races[0].ranks) == "0-1");
  CHECK(races[0].message ==
        "stream race: operation 1, scale on stream 1, reads the buffer y while operation 0, scale "
        "on stream 0, may still write it: it waits for no event that stream 0 records from "
        "operation 0 on");
  CHECK(check(s.plan()).verdict == Verdict::violated);
}

TEST_CASE("an event orders the two, recorded by the writer or later on its stream") {
  Streams s;
  s.scale(kX, kY, 0).records = 7;
  s.scale(kY, kZ, 1).waits = {7};
  CHECK(s.races().empty());
  Streams later;
  later.scale(kX, kY, 0);
  later.scale(kX, kX, 0).records = 7;
  later.scale(kY, kZ, 1).waits = {7};
  CHECK(later.races().empty());
}

TEST_CASE("an event recorded before the write orders nothing after it") {
  Streams s;
  s.scale(kX, kX, 0).records = 7;
  s.scale(kX, kY, 0);
  s.scale(kY, kZ, 1).waits = {7};
  REQUIRE(s.races().size() == 1);
  CHECK(s.races()[0].producer.index == 1);
}

TEST_CASE("order is transitive, over a third stream and along a stream") {
  Streams s;
  s.scale(kX, kY, 0).records = 1;
  Operation& middle = s.scale(kX, kX, 2);
  middle.waits = {1};
  middle.records = 2;
  s.plan().operations[1].in = {{TensorId{kX}, SpecId::none()}};
  Operation& waits = s.scale(kZ, kZ, 1);
  waits.waits = {2};
  s.scale(kY, kZ, 1);
  CHECK(s.races().empty());
}

TEST_CASE("two reads are no race, a write after a read is") {
  Streams s;
  s.scale(kX, kY, 0);
  s.scale(kX, kZ, 1);
  CHECK(s.races().empty());
  s.scale(kZ, kX, 1);
  REQUIRE(s.races().size() == 1);
  CHECK(s.races()[0].operation.index == 2);
  CHECK(s.races()[0].producer.index == -1);  // operation 0 only reads
  CHECK(s.races()[0].message.find("writes the buffer x while operation 0, scale on stream 0, may "
                                  "still read it") != std::string::npos);
}

TEST_CASE("in place on both sides is one race, and so are tensors of one buffer") {
  Streams s;
  s.scale(kY, kY, 0);
  s.scale(kY, kY, 1);
  CHECK(s.races().size() == 1);
  Streams shared;
  shared.plan().tensors[kZ].buffer = "y";
  shared.scale(kX, kY, 0);
  shared.scale(kX, kZ, 1);
  REQUIRE(shared.races().size() == 1);
  CHECK(shared.races()[0].message.find("the buffer y") != std::string::npos);
}

TEST_CASE("waiting for what nothing has recorded waits for nothing, and is said") {
  Streams s;
  s.scale(kX, kY, 0);
  s.scale(kY, kZ, 1).waits = {4};
  REQUIRE(s.races().size() == 1);
  CHECK(s.races()[0].message.find("; operation 1 waits for event 4, which nothing has recorded by "
                                  "then") != std::string::npos);
  s.scale(kX, kX, 0).records = 4;  // too late
  CHECK(s.races().size() == 1);
}

TEST_CASE("the last record of an event counts") {
  Streams s;
  s.scale(kX, kX, 0).records = 4;
  s.scale(kX, kY, 0).records = 4;
  s.scale(kY, kZ, 1).waits = {4};
  CHECK(s.races().empty());
}

TEST_CASE("ranks that do something else are judged by what they do") {
  Streams s;
  s.scale(kX, kY, 0).records = 1;
  s.plan().operations[0].ranks = RankSet::range(0, 1);  // rank 1 never writes y
  s.scale(kX, kY, 0).ranks = RankSet::range(1, 1);      // but here, and records nothing
  s.scale(kY, kZ, 1).waits = {1};
  const std::vector<Violation> races = s.races();
  REQUIRE(races.size() == 1);
  CHECK(to_string(races[0].ranks) == "1");
  CHECK(races[0].producer.index == 1);
}

TEST_CASE("each pair is told once, and a require touches nothing") {
  Streams s;
  s.scale(kX, kY, 0);
  s.scale(kY, kZ, 1);
  s.scale(kY, kX, 1);  // races with operation 0 twice: y read, x written
  Operation watch;
  watch.kind = OpKind::require;
  watch.name = "require";
  watch.site = {0, 0, "mlp"};
  watch.in = {{TensorId{kY}, SpecId{0}}};
  watch.stream = 2;
  s.plan().operations.push_back(watch);
  const std::vector<Violation> races = s.races();
  REQUIRE(races.size() == 3);
  CHECK(races[0].operation.index == 1);
  CHECK(races[1].operation.index == 2);
  CHECK(races[2].operation.index == 2);
}

TEST_CASE("a plan of one stream has no race, whichever stream it is") {
  Streams s;
  s.scale(kX, kY, 3);
  s.scale(kY, kX, 3).waits = {9};
  CHECK(s.races().empty());
}

TEST_CASE("many operations on every stream cost no more than their number") {
  Streams s;
  constexpr int kOperations = 64000;
  for (int i = 0; i < kOperations; ++i) {
    Operation& op = s.scale(i % 2 == 0 ? kX : kY, i % 2 == 0 ? kX : kY, i % 64);
    op.waits = {(i + 63) % 64, (i + 62) % 64};
    op.records = i % 64;
  }
  CHECK(s.races().empty());
}

}  // namespace
}  // namespace lockstep::contract
