// Whole blocks of the families' models, put together from a device's functions as from the host's.
#include <doctest/doctest.h>

#include "backend/nccl/device_tensors.h"
#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"
#include "tests/numeric/world.h"

namespace lockstep::test {
namespace {

using nccl::DeviceArithmetic;
using numeric::BasicAttention;
using numeric::BasicLayers;
using numeric::HostArithmetic;
using numeric::Matrix;
using numeric::Shares;
using numeric::Storage;

// A block rounds about a dozen times, and a result is a sum of parts that are larger than it.
double of_block(Storage storage) { return 32 * one_step(storage) + 1024 * kFloatRounding; }

TEST_CASE("attention of every family agrees, behind cached positions and in shares" *
          doctest::test_suite("gpu")) {
  for (const NamedModel& family : small_families()) {
    for (const Storage storage : kStorages) {
      Both both(family.model, storage);
      BasicAttention<HostArithmetic> host(both.host);
      BasicAttention<DeviceArithmetic> device(both.device);
      Random random(21);
      const Matrix<float> x = drawn(random, 5, family.model.hidden_size, storage);
      const auto on_device = both.device.from_host(x);
      for (const Shares heads : {Shares{0, 1, 1}, Shares{1, 2, 4}}) {
        CAPTURE(family.name);
        auto cache = host.synthetic_prefix(3, 2, 0, heads);
        auto device_cache = device.synthetic_prefix(3, 2, 0, heads);
        const Matrix<float> statistics = host.qk_statistics(x, 0, heads);
        const auto device_statistics = device.qk_statistics(on_device, 0, heads);
        CHECK(row_difference(named("qk_statistics", storage),
                             both.device.to_host(device_statistics), statistics,
                             of_block(storage)) == "");
        const bool over_all = family.norms_all_heads;
        const Matrix<float> y =
            host.attention(x, 0, heads, cache, over_all ? &statistics : nullptr);
        const auto device_y = device.attention(on_device, 0, heads, device_cache,
                                               over_all ? &device_statistics : nullptr);
        CHECK(row_difference(named("attention", storage), both.device.to_host(device_y), y,
                             of_block(storage)) == "");
        CHECK(row_difference(named("the cache of keys", storage),
                             both.device.to_host(device_cache.keys), cache.keys,
                             of_block(storage)) == "");
      }
    }
  }
}

TEST_CASE("norm, dense, shared experts, router and head of every family agree" *
          doctest::test_suite("gpu")) {
  for (const NamedModel& family : small_families()) {
    const Model& model = family.model;
    for (const Storage storage : kStorages) {
      Both both(model, storage);
      BasicLayers<HostArithmetic> host(both.host);
      BasicLayers<DeviceArithmetic> device(both.device);
      Random random(22);
      const Matrix<float> x = drawn(random, 7, model.hidden_size, storage);
      const auto on_device = both.device.from_host(x);
      const auto agree = [&](const std::string& what, const nccl::DeviceValues& actual,
                             const Matrix<float>& expected) {
        CAPTURE(family.name);
        CHECK(row_difference(named(what, storage), both.device.to_host(actual), expected,
                             of_block(storage)) == "");
      };
      const Shares half{1, 2, 2};
      const std::vector<std::int64_t> ids = {3, 0, 5};
      agree("embedding", device.embedding(ids, half), host.embedding(ids, half));
      agree("norm", device.norm(on_device, 0, 1, half), host.norm(x, 0, 1, half));
      agree("dense", device.dense(on_device, 0, half), host.dense(x, 0, half));
      agree("lm_head", device.lm_head(on_device, {5, 30}), host.lm_head(x, {5, 30}));
      if (model.n_routed_experts == 0) continue;
      if (numeric::shared_width(model) > 0) {
        agree("shared_expert", device.shared_expert(on_device, 1, half),
              host.shared_expert(x, 1, half));
      }
      agree("router", device.router(on_device, 1), host.router(x, 1));
    }
  }
}

}  // namespace
}  // namespace lockstep::test
