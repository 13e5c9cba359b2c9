// Norms, activations, attention and the router on a device. Each test states what rounding allows:
// `u` is one step of the type that a result is kept in.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using numeric::Matrix;
using numeric::Storage;
using numeric::WeightKind;

// A sum of n squares in any order: relative n * 2^-24; its root half of that; exp, division and the
// products around it a few roundings more.
double of_norm(std::int64_t width, Storage storage) {
  return one_step(storage) + (static_cast<double>(width) + 8) * kFloatRounding;
}

// |x| e^-|x| and the like: a few roundings of float32 beside one step.
double of_activation(Storage storage) { return one_step(storage) + 16 * kFloatRounding; }

Model attention_model(int heads, int kv_heads, int head_dim, int window, bool has_sinks) {
  Model m = odd_model();
  m.num_attention_heads = heads;
  m.num_key_value_heads = kv_heads;
  m.head_dim = head_dim;
  m.sliding_window = window;
  m.attention_sinks = has_sinks;
  return m;
}

// A score s = q . k / sqrt(D) is off by ds <= D * 2^-23 * max|q| max|k| sqrt(D); a weight by
// relative 2 ds + (P + 8) * 2^-23 for P positions; the result by twice that times max|v|.
Allowed of_attention(const Matrix<float>& queries, const Matrix<float>& keys,
                     const Matrix<float>& values, std::int64_t width, Storage storage) {
  const auto d = static_cast<double>(width);
  const double score = d * 2 * kFloatRounding * static_cast<double>(largest(queries)) *
                       static_cast<double>(largest(keys)) * std::sqrt(d);
  const double weight = 2 * score + (static_cast<double>(keys.rows()) + 8) * 2 * kFloatRounding;
  return {.relative = one_step(storage),
          .absolute = 2 * weight * static_cast<double>(largest(values))};
}

void check_attention(const Model& model, Storage storage, std::int64_t rows, std::int64_t positions,
                     bool has_nan) {
  Both both(model, storage);
  Random random(static_cast<std::uint64_t>(rows + positions));
  const std::int64_t width = numeric::query_width(model);
  // Heads 1 .. of the queries, all heads of keys and values.
  const std::int64_t heads = model.num_attention_heads - 1;
  const Matrix<float> queries = drawn(random, rows, heads * width, storage, 2.0F);
  const std::int64_t kv_columns = model.num_key_value_heads * width;
  const Matrix<float> keys = has_nan ? drawn_with_nan(random, positions, kv_columns, storage)
                                     : drawn(random, positions, kv_columns, storage, 2.0F);
  const Matrix<float> values = drawn(random, positions, kv_columns, storage);
  const numeric::HeadPlaces places{1, 0, model.num_attention_heads / model.num_key_value_heads};
  const auto& device = both.device;
  CAPTURE(rows);
  CAPTURE(positions);
  CHECK(difference(named("mixed", storage),
                   device.to_host(device.mixed(device.from_host(queries), device.from_host(keys),
                                               device.from_host(values), places, 0)),
                   both.host.mixed(queries, keys, values, places, 0),
                   of_attention(queries, keys, values, width, storage)) == "");
}

TEST_CASE("norms agree over whole rows and over heads; what is no whole head stays" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    for (const int hidden : {1, 37, 300, 1029}) {
      Model model = odd_model();
      model.hidden_size = hidden;
      Both both(model, storage);
      const numeric::WeightBlock gain = both.weights.at({WeightKind::norm, 0, 1});
      Random random(static_cast<std::uint64_t>(hidden));
      for (const std::int64_t rows : kRowCounts) {
        const Matrix<float> x = drawn_with_nan(random, rows, hidden, storage);
        for (const std::int64_t width : {std::int64_t{hidden}, std::int64_t{hidden + 2} / 3}) {
          CHECK(difference(
                    named("normed", storage),
                    both.device.to_host(both.device.normed(both.device.from_host(x), gain, width)),
                    both.host.normed(x, gain, width), {.relative = of_norm(width, storage)}) == "");
        }
        const Matrix<float> statistics = magnitude(drawn(random, rows, 2, storage, 50.0F));
        CHECK(difference(
                  named("normed_over_all", storage),
                  both.device.to_host(both.device.normed_over_all(
                      both.device.from_host(x), gain, both.device.from_host(statistics), 1, 90)),
                  both.host.normed_over_all(x, gain, statistics, 1, 90),
                  {.relative = of_norm(0, storage)}) == "");
      }
    }
  }
}

TEST_CASE("activations, gates and turns agree" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    const auto& device = both.device;
    Random random(5);
    for (const std::int64_t rows : kRowCounts) {
      const Matrix<float> gate = drawn_with_nan(random, rows, 41, storage);
      const Matrix<float> up = drawn(random, rows, 41, storage, 9.0F);
      for (const double limit : {0.0, 0.75, 7.0}) {
        // (u + 1) may be near zero where it is clamped to a limit of about 1: an absolute part.
        CHECK(difference(
                  named("gated", storage),
                  device.to_host(device.gated(device.from_host(gate), device.from_host(up), limit)),
                  both.host.gated(gate, up, limit),
                  {.relative = of_activation(storage), .absolute = 16 * kFloatRounding}) == "");
      }
      const Matrix<float> of_row = drawn(random, rows, 1, storage, 6.0F);
      CHECK(
          difference(
              named("times_sigmoid", storage),
              device.to_host(device.times_sigmoid(device.from_host(up), device.from_host(of_row))),
              both.host.times_sigmoid(up, of_row), {.relative = of_activation(storage)}) == "");
      const Matrix<float> heads = drawn(random, rows, 3 * 11, storage);
      // Two products of numbers below 1 and a sum: 4 * 2^-24 beside one step.
      CHECK(difference(named("turned", storage),
                       device.to_host(device.turned(device.from_host(heads), 11, 5, 1000)),
                       both.host.turned(heads, 11, 5, 1000),
                       {.relative = one_step(storage), .absolute = 4 * kFloatRounding}) == "");
    }
  }
}

TEST_CASE("sums of squares agree, keys counted once for each query head that reads them" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    const Model model = attention_model(8, 2, 6, 0, false);
    Both both(model, storage);
    Random random(6);
    for (const std::int64_t rows : kRowCounts) {
      const Matrix<float> queries = drawn_with_nan(random, rows, 5 * 6, storage);
      const Matrix<float> keys = drawn(random, rows, 2 * 6, storage);
      const numeric::HeadPlaces places{2, 0, 4};
      CHECK(difference(named("squares", storage),
                       both.device.to_host(both.device.squares(
                           both.device.from_host(queries), both.device.from_host(keys), places)),
                       both.host.squares(queries, keys, places),
                       {.relative = 32 * kFloatRounding}) == "");
    }
  }
}

TEST_CASE("attention agrees: prefill and decode, windows, sinks, tiles that end anywhere" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    for (const bool has_sinks : {false, true}) {
      for (const int window : {0, 3, 130}) {
        const Model model = attention_model(6, 3, 20, window, has_sinks);
        CAPTURE(window);
        CAPTURE(has_sinks);
        check_attention(model, storage, 1, 1, false);
        check_attention(model, storage, 5, 5, false);
        check_attention(model, storage, 1, 127, false);
        check_attention(model, storage, 3, 128, false);
        check_attention(model, storage, 2, 129, false);
        check_attention(model, storage, 4, 300, false);
        check_attention(model, storage, 0, 4, false);
      }
    }
    // 192 columns of queries, as with MLA; a group of one.
    check_attention(attention_model(3, 3, 192, 0, false), storage, 7, 150, false);
  }
}

TEST_CASE("a position that nobody wrote makes NaN of all that see it, and of nothing else" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    // Positions 2, 5, 8, ... are NaN. Rows 0 and 1 of a prefill see none of them.
    check_attention(attention_model(4, 2, 8, 0, false), storage, 6, 6, true);
    check_attention(attention_model(4, 2, 8, 2, true), storage, 40, 40, true);
  }
}

TEST_CASE("the router chooses what the host chooses, with its weights" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    for (const std::string method : {"", "greedy", "group_limited_greedy", "noaux_tc"}) {
      for (const std::string scoring : {"sigmoid", "softmax"}) {
        for (const auto& [experts, groups] : {std::pair{6, 1}, {64, 8}, {384, 1}, {33, 3}}) {
          Model model = odd_model();
          model.n_routed_experts = experts;
          model.num_experts_per_tok = experts >= 32 ? 8 : 2;
          model.n_group = groups;
          model.topk_group = groups > 2 ? groups - 1 : 1;
          model.topk_method = method;
          model.scoring_func = scoring;
          model.norm_topk_prob = experts != 33;
          model.routed_scaling_factor = 2.5;
          Both both(model, storage);
          Random random(static_cast<std::uint64_t>(experts));
          Matrix<float> logits = drawn(random, 67, experts, Storage::float32, 3.0F);
          for (std::int64_t e = 0; e < experts; e += 2) logits(3, e) = 0.5F;  // ties
          for (std::int64_t e = 0; e < experts; e += 3) logits(4, e) = NAN;
          // As router logits arrive: from an unrounded product.
          auto on_device = nccl::uploaded(gpu(), logits, nccl::ElementType::float32);
          CAPTURE(method);
          CAPTURE(scoring);
          CAPTURE(experts);
          CHECK(difference(named("chosen", storage),
                           both.device.to_host(both.device.chosen(on_device, 0)),
                           both.host.chosen(logits, 0), {.relative = one_step(storage)}) == "");
        }
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::test
