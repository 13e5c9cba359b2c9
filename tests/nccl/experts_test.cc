// Experts: who gets which rows, and what they make of them.
#include <doctest/doctest.h>

#include <limits>

#include "backend/nccl/device_experts.h"
#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using nccl::Grouping;
using nccl::Routes;
using numeric::ExpertUnit;
using numeric::Matrix;
using numeric::Storage;
using List = std::vector<std::int64_t>;

Matrix<float> routing_of(std::int64_t rows, std::int64_t experts,
                         const std::vector<std::array<std::int64_t, 2>>& chosen) {
  Matrix<float> routing(rows, experts);
  for (const auto& [row, expert] : chosen) routing(row, expert) = 0.5F;
  return routing;
}

TEST_CASE("rows stand one expert after the other, and are found again in the experts' order") {
  // Token 0 goes to experts 1 and 3, token 2 to expert 1, token 1 to none of [1, 4).
  const Matrix<float> routing = routing_of(3, 5, {{0, 1}, {0, 3}, {2, 1}, {1, 0}, {1, 4}});
  const Routes routes = nccl::routes_of(routing, {1, 4});
  CHECK(routes.experts == List{1, 3});
  CHECK(routes.first == List{0, 2, 3});
  CHECK(routes.token == List{0, 2, 0});
  CHECK(routes.begin == List{0, 2, 2, 3});
  CHECK(routes.row_of_y == List{0, 2, 1});
  CHECK(routes.expert == List{1, 3, 1});
}

TEST_CASE("a weight that is no number goes to its expert, and none at all to no expert") {
  Matrix<float> routing(2, 3);
  routing(1, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK(nccl::routes_of(routing, {0, 3}).token == List{1});
  CHECK(nccl::routes_of(Matrix<float>(2, 3), {0, 3}).experts.empty());
  CHECK(nccl::routes_of(Matrix<float>(0, 3), {0, 3}).begin == List{0});
}

TEST_CASE("routes are remembered by operation, layer, experts and slice") {
  nccl::RoutedRows routed;
  const ExpertUnit unit{2, {0, 4}, {0, 8}, false};
  routed.begin(7);
  CHECK(routed.find(unit) == nullptr);
  routed.remember(unit, nccl::routes_of(routing_of(2, 4, {{1, 3}}), {0, 4}));
  REQUIRE(routed.find(unit) != nullptr);
  CHECK(routed.find(unit)->token == List{1});
  CHECK(routed.find({2, {0, 4}, {8, 16}, false}) == nullptr);
  routed.begin(8);
  CHECK(routed.find(unit) == nullptr);
  routed.begin(7);
  CHECK(routed.find(unit) != nullptr);
  routed.clear();
  CHECK(routed.find(unit) == nullptr);
}

// With biases a limit, too.
Model expert_model(Model m, bool has_bias) {
  m.expert_bias = has_bias;
  m.swiglu_limit = has_bias ? 0.75 : 0.0;
  return m;
}

// Two of six experts a token, and tokens without any.
Matrix<float> any_routing(Random& random, std::int64_t rows, Storage storage) {
  Matrix<float> routing(rows, 6);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int i = 0; i < 2 && r % 4 != 3; ++i) {
      routing(r, random.below(6)) = numeric::stored(0.25F + 0.1F * static_cast<float>(i), storage);
    }
  }
  return routing;
}

// Gate, up, activation and down are rounded one after the other, and a value near the middle of two
// numbers may go either way in each; sums of K <= 64 terms in float32 add K * 2^-24.
double of_experts(Storage storage) { return 8 * one_step(storage) + 64 * kFloatRounding; }

void check_experts(const Model& model, Storage storage, Grouping grouping) {
  Both both(model, storage, kPlenty, grouping);
  Random random(12);
  const std::int64_t width = model.moe_intermediate_size;
  const ExpertUnit whole{0, {0, 6}, {0, width}, model.expert_bias};
  const ExpertUnit slice{0, {2, 5}, {8, 16}, false};
  for (const std::int64_t rows : kRowCounts) {
    const Matrix<float> x = drawn_with_nan(random, rows, model.hidden_size, storage);
    const Matrix<float> routing = any_routing(random, rows, storage);
    const auto on_device = both.device.from_host(x);
    const auto device_routing = both.device.from_host(routing);
    const std::string what = grouping == Grouping::grouped ? "experts, grouped" : "experts";
    for (const ExpertUnit& unit : {whole, slice}) {
      CAPTURE(rows);
      CHECK(
          row_difference(named(what, storage),
                         both.device.to_host(both.device.experts(on_device, device_routing, unit)),
                         both.host.experts(x, routing, unit), of_experts(storage)) == "");
    }
  }
}

TEST_CASE("experts agree, with biases and limits, whole and in slices, grouped or not" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    for (const bool has_bias : {false, true}) {
      for (const Grouping grouping : {Grouping::grouped, Grouping::one_by_one}) {
        check_experts(expert_model(odd_model(), has_bias), storage, grouping);
        check_experts(expert_model(aligned_model(), has_bias), storage, grouping);
      }
    }
  }
}

TEST_CASE("a remembered routing gives the same bits without asking the device again" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    nccl::RoutedRows routed;
    Both both(expert_model(aligned_model(), false), storage, kPlenty, Grouping::grouped, &routed);
    Random random(13);
    const auto x = both.device.from_host(drawn(random, 17, 64, storage));
    const auto routing = both.device.from_host(any_routing(random, 17, storage));
    const ExpertUnit unit{0, {0, 6}, {0, 24}, false};
    routed.begin(3);
    const Matrix<float> first = both.device.to_host(both.device.experts(x, routing, unit));
    REQUIRE(routed.find(unit) != nullptr);
    const Matrix<float> again = both.device.to_host(both.device.experts(x, routing, unit));
    CHECK(difference(named("experts again", storage), again, first) == "");
  }
}

}  // namespace
}  // namespace lockstep::test
