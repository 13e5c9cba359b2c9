#include "sim/cost/cost_model.h"
#include "sim/cost/serving/all_reduce.h"
#include "sim/cost/serving/expert_exchange.h"
#include "sim/cost/serving/symmetric.h"

namespace lockstep {
namespace {

const AllReduceConstants& constants_of(const std::string& library,
                                       const ServingConstants& serving) {
  if (library == "vllm") return serving.vllm;
  if (library == "trtllm") return serving.trtllm;
  return serving.sglang;
}

bool is_exchange(Collective kind) {
  return kind == Collective::dispatch || kind == Collective::combine;
}

}  // namespace

std::optional<CollectiveTime> serving_time(const CollectiveCall& call, const Hardware& hardware) {
  if (call.library == "nccl") return std::nullopt;
  if (is_exchange(call.kind)) {
    CollectiveCall exchange = call;
    if (call.library == "trtllm" && call.algorithm.empty()) exchange.algorithm = "one-sided";
    return expert_exchange_time(exchange, hardware);
  }
  if (call.library == "symmetric") return symmetric_time(call, hardware);
  // nccl-tests knows NCCL alone: what is timed in its style is NCCL's unless a library is named.
  const bool by_limits = call.library.empty() && call.launch != LaunchStyle::nccl_tests;
  const bool named = call.library == "custom" || call.library == "vllm" || call.library == "trtllm";
  if (call.kind != Collective::all_reduce || !(by_limits || named)) return std::nullopt;
  return custom_all_reduce_time(call, hardware, constants_of(call.library, hardware.serving));
}

CollectiveTime collective_time(const CollectiveCall& call, const Hardware& hardware) {
  const std::optional<CollectiveTime> own = serving_time(call, hardware);
  return own ? *own : nccl_time(call, hardware);
}

}  // namespace lockstep
