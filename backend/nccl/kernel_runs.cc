#include "backend/nccl/kernel_runs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "backend/nccl/device_arithmetic.h"
#include "backend/nccl/kernel_timer.h"
#include "sim/cost/kernels/estimate.h"

namespace lockstep::nccl {
namespace {

constexpr std::uint64_t kSeed = 7;
// All weights are kept: what is drawn while it is timed would be timed, too.
constexpr std::int64_t kBudget = std::numeric_limits<std::int64_t>::max();

// What stands on a rank's GPU, for a model of the sizes that are asked for.
struct Rank {
  Rank(Device& device, const Model& model, numeric::Storage storage = numeric::Storage::bfloat16)
      : weights(model, kSeed),
        on_device(device, weights, storage, kBudget),
        arithmetic(on_device, &routed) {}

  // Values of input number `input`, others for each copy.
  DeviceValues drawn(int copy, std::int64_t input, std::int64_t rows, std::int64_t columns) {
    return drawn_block(on_device.device(), weights.projection(input, copy, rows, columns), kSeed,
                       element_type(on_device.storage()));
  }

  numeric::Weights weights;
  DeviceWeights on_device;
  RoutedRows routed;
  DeviceArithmetic arithmetic;
};

KernelRun none(std::string why) { return {nullptr, 0, std::move(why)}; }

int copies_of(const Kernel& kernel) { return cold_copies(kernel_estimate(kernel, {}).bytes); }

// ---- products -----------------------------------------------------------------------------------

std::optional<numeric::Storage> storage_of(Number number) {
  if (number == Number::fp32) return numeric::Storage::float32;
  if (number == Number::bf16) return numeric::Storage::bfloat16;
  if (number == Number::fp16) return numeric::Storage::float16;
  return std::nullopt;
}

KernelRun run_of(const Gemm& gemm, Device& device) {
  const auto storage = storage_of(gemm.weights);
  if (!storage || gemm.weights != gemm.activations) {
    return none("the replay multiplies fp32, bf16 and fp16, both operands in one of them");
  }
  if (gemm.batch != 1) return none("the replay has no batched product");
  struct Operands {
    DeviceValues x, w, out;
  };
  const auto rank = std::make_shared<Rank>(device, Model{}, *storage);
  const auto sets = std::make_shared<std::vector<Operands>>();
  const int copies = copies_of(gemm);
  for (int i = 0; i < copies; ++i) {
    sets->push_back({rank->drawn(i, 0, gemm.m, gemm.k), rank->drawn(i, 1, gemm.k, gemm.n),
                     DeviceValues(device, gemm.m, gemm.n, element_type(*storage))});
  }
  const auto enqueue = [rank, sets, &device](int copy) {
    Operands& set = (*sets)[static_cast<std::size_t>(copy)];
    multiply(device, set.x, set.w, set.out);
  };
  return {enqueue, copies, ""};
}

// ---- experts ------------------------------------------------------------------------------------

// The rows of each expert that is hit, one expert after the other, go to the tokens in turn.
numeric::Matrix<float> even_routing(const ExpertsGemm& experts) {
  const std::int64_t most = std::min(experts.experts, std::max<std::int64_t>(experts.rows, 1));
  const std::int64_t hit = std::clamp<std::int64_t>(std::llround(experts.experts_hit), 1, most);
  const std::int64_t rows = std::clamp(experts.rows, hit, hit * experts.tokens);
  numeric::Matrix<float> routing(experts.tokens, experts.experts);
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t expert = i * hit / rows;
    routing(i % experts.tokens, expert * experts.experts / hit) = 0.125F;
  }
  return routing;
}

KernelRun run_of(const ExpertsGemm& experts, Device& device) {
  if (experts.weights != Number::bf16 || experts.activations != Number::bf16) {
    return none("the replay has no quantized experts: say weights=bf16");
  }
  if (experts.rows == 0) return none("no row is expected on this rank");
  Model model;
  model.hidden_size = static_cast<int>(experts.hidden);
  model.moe_intermediate_size = static_cast<int>(experts.inter);
  model.n_routed_experts = static_cast<int>(experts.experts);
  const int copies = copies_of(experts);
  const auto rank = std::make_shared<Rank>(device, model);
  const auto inputs = std::make_shared<std::vector<DeviceValues>>();
  for (int i = 0; i < copies; ++i) {
    inputs->push_back(rank->drawn(i, 0, experts.tokens, experts.hidden));
  }
  const DeviceValues routing = rank->arithmetic.from_host(even_routing(experts));
  const auto enqueue = [rank, inputs, routing, experts](int copy) {
    const numeric::ExpertUnit unit{copy, {0, experts.experts}, {0, experts.inter}, false};
    rank->routed.begin(0);
    static_cast<void>(
        rank->arithmetic.experts((*inputs)[static_cast<std::size_t>(copy)], routing, unit));
  };
  return {enqueue, copies, ""};
}

// ---- attention ----------------------------------------------------------------------------------

struct Request {
  DeviceValues queries, keys, values;
};

// Heads of another width of values are MLA's: only there a model has both.
Model model_of(const Attention& attention) {
  Model model;
  model.num_attention_heads = static_cast<int>(attention.heads);
  model.num_key_value_heads = static_cast<int>(attention.kv_heads);
  model.head_dim = static_cast<int>(attention.qk_dim);
  if (attention.qk_dim != attention.v_dim) {
    model.kv_lora_rank = 1;
    model.qk_nope_head_dim = static_cast<int>(attention.qk_dim);
    model.v_head_dim = static_cast<int>(attention.v_dim);
  }
  return model;
}

KernelRun run_of(const Attention& attention, Device& device) {
  if (attention.cache != Number::bf16) return none("the replay's cache is bf16 here");
  if (attention.latent && attention.decode) {
    return none("the replay expands a latent cache instead of decoding in it");
  }
  const std::int64_t kv_heads = attention.latent ? attention.heads : attention.kv_heads;
  const std::int64_t fresh = attention.tokens / attention.requests;
  const std::int64_t length = attention.kv_tokens / attention.requests;
  constexpr std::int64_t kMostSets = 512;
  const int copies =
      std::min(copies_of(attention),
               static_cast<int>(std::max<std::int64_t>(1, kMostSets / attention.requests)));
  const auto rank = std::make_shared<Rank>(device, model_of(attention));
  const auto sets = std::make_shared<std::vector<std::vector<Request>>>();
  for (int i = 0; i < copies; ++i) {
    std::vector<Request>& set = sets->emplace_back();
    for (std::int64_t r = 0; r < attention.requests; ++r) {
      set.push_back({rank->drawn(i, 3 * r, fresh, attention.heads * attention.qk_dim),
                     rank->drawn(i, 3 * r + 1, length, kv_heads * attention.qk_dim),
                     rank->drawn(i, 3 * r + 2, length, kv_heads * attention.v_dim)});
    }
  }
  const numeric::HeadPlaces heads{0, 0, attention.heads / kv_heads};
  const auto enqueue = [rank, sets, heads](int copy) {
    for (const Request& request : (*sets)[static_cast<std::size_t>(copy)]) {
      static_cast<void>(
          rank->arithmetic.mixed(request.queries, request.keys, request.values, heads, 0));
    }
  };
  return {enqueue, copies, ""};
}

// ---- others -------------------------------------------------------------------------------------

KernelRun run_of(const Elementwise& norm, Device& device) {
  if (norm.rows == 0) return none("measured is the norm of rows: say rows= and columns=");
  Model model;
  model.hidden_size = static_cast<int>(norm.columns);
  const int copies = copies_of(norm);
  const auto rank = std::make_shared<Rank>(device, model);
  const auto inputs = std::make_shared<std::vector<DeviceValues>>();
  for (int i = 0; i < copies; ++i) inputs->push_back(rank->drawn(i, 0, norm.rows, norm.columns));
  const auto enqueue = [rank, inputs, columns = norm.columns](int copy) {
    const numeric::WeightBlock gain = rank->weights.at({numeric::WeightKind::norm, 0, 0});
    static_cast<void>(
        rank->arithmetic.normed((*inputs)[static_cast<std::size_t>(copy)], gain, columns));
  };
  return {enqueue, copies, ""};
}

KernelRun run_of(const TopK&, Device&) {
  return none("the replay's router writes weights, not a list of experts");
}

}  // namespace

KernelRun kernel_run(const Kernel& kernel, Device& device) {
  return std::visit([&](const auto& kind) { return run_of(kind, device); }, kernel);
}

}  // namespace lockstep::nccl
