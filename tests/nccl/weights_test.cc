// Weights drawn on a device are those of the host.
#include <doctest/doctest.h>

#include <array>

#include "backend/nccl/kernels_draw.cuh"
#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using numeric::Interval;
using numeric::Matrix;
using numeric::Storage;
using numeric::WeightBlock;
using numeric::WeightKind;
using numeric::WeightName;

const std::vector<WeightName> kNames = {{WeightKind::query, 0, 0},
                                        {WeightKind::norm, 0, 1},
                                        {WeightKind::expert_down, 0, 5},
                                        {WeightKind::correction_bias, 0, 0},
                                        {WeightKind::embedding, 0, 0}};

// Some of its rows and columns, at odd places; every other time whole groups of eight columns.
WeightBlock part_of(const WeightBlock& whole, Random& random) {
  const auto some = [&](std::int64_t count, std::int64_t grain) {
    const std::int64_t first = random.below(count) / grain * grain;
    const std::int64_t most = count - first;
    const std::int64_t size = 1 + random.below(most);
    return Interval{first, first + (size >= grain ? size / grain * grain : size)};
  };
  const std::int64_t grain = random.chance(1, 2) ? 8 : 1;
  return whole.rows(some(whole.row_count(), 1)).columns(some(whole.column_count(), grain));
}

TEST_CASE("the hash in eights gives the elements of a block") {
  numeric::Weights weights(odd_model(), 7);
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    const WeightName name = kNames[static_cast<std::size_t>(random.below(std::ssize(kNames)))];
    const WeightBlock block = part_of(weights.at(name), random);
    const std::array<float, 256> values = numeric::values_of_bytes(name.kind, block.whole().rows);
    const std::uint64_t key = numeric::matrix_key(weights.seed(), name);
    Matrix<float> out(block.row_count(), block.column_count());
    for (std::int64_t r = 0; r < out.rows(); ++r) {
      const std::uint64_t row = numeric::row_key(key, block.row_interval().first + r);
      for (std::int64_t c = 0; c < out.columns(); ++c) {
        const auto column = static_cast<std::uint64_t>(block.column_interval().first + c);
        const std::uint64_t bytes = nccl::bytes_of_group(row, column / 8);
        out(r, c) = values[nccl::byte_of(bytes, static_cast<int>(column % 8))];
      }
    }
    CAPTURE(i);
    REQUIRE(difference("a block", out, block.drawn()) == "");
  }
}

TEST_CASE("a device draws the elements that the host draws, in each type" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage, 0);
    Random random(3);
    for (int i = 0; i < 60; ++i) {
      const WeightName name = kNames[static_cast<std::size_t>(random.below(std::ssize(kNames)))];
      const WeightBlock block = part_of(both.weights.at(name), random);
      CAPTURE(i);
      CHECK(difference(named("a block of weights", storage),
                       both.device.to_host(both.device.drawn(block)), block.drawn()) == "");
    }
    CHECK(both.device_weights.kept_bytes() == 0);
  }
}

TEST_CASE("a device keeps blocks while the budget lasts, and draws the others anew" *
          doctest::test_suite("gpu")) {
  const WeightName name{WeightKind::dense_gate, 0, 0};
  Both kept(odd_model(), Storage::bfloat16);
  const WeightBlock block = kept.weights.at(name);
  const nccl::DeviceValues first = kept.device_weights.block(block);
  CHECK(kept.device_weights.block(block).data() == first.data());
  CHECK(kept.device_weights.kept_bytes() == first.bytes());
  CHECK(kept.device_weights.block(block.columns({0, 8})).data() != first.data());

  Both without(odd_model(), Storage::bfloat16, first.bytes() - 1);
  const nccl::DeviceValues held = without.device_weights.block(without.weights.at(name));
  CHECK(without.device_weights.block(without.weights.at(name)).data() != held.data());
  CHECK(without.device_weights.kept_bytes() == 0);
}

TEST_CASE("rows of a table are those of the host" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    const WeightBlock table = both.weights.at({WeightKind::embedding});
    for (const std::vector<std::int64_t>& ids :
         {std::vector<std::int64_t>{}, {99}, {5, 0, 64, 64, 98, 1}}) {
      CHECK(difference(named("embedded", storage),
                       both.device.to_host(both.device.embedded(table, ids)),
                       both.host.embedded(table, ids)) == "");
    }
  }
}

}  // namespace
}  // namespace lockstep::test
