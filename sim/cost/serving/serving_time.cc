#include "sim/cost/cost_model.h"
#include "sim/cost/serving/all_reduce.h"
#include "sim/cost/serving/expert_exchange.h"

namespace lockstep {
namespace {

const AllReduceConstants& all_reduce_constants(const std::string& library,
                                               const ServingConstants& serving) {
  if (library == "vllm") return serving.vllm;
  if (library == "trtllm") return serving.trtllm;
  return serving.sglang;
}

}  // namespace

std::optional<CollectiveTime> serving_time(const CollectiveCall& call, const Hardware& hardware) {
  if (call.library == "nccl") return std::nullopt;
  // nccl-tests knows NCCL alone: what is timed in its style is NCCL's unless a library is named.
  if (call.library.empty() && call.launch == LaunchStyle::nccl_tests) return std::nullopt;
  switch (call.kind) {
    case Collective::all_reduce:
      if (call.library == "deepep") return std::nullopt;
      return custom_all_reduce_time(call, hardware,
                                    all_reduce_constants(call.library, hardware.serving));
    case Collective::dispatch:
    case Collective::combine: {
      CollectiveCall exchange = call;
      if (call.library == "trtllm" && call.algorithm.empty()) exchange.algorithm = "one-sided";
      return expert_exchange_time(exchange, hardware);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace lockstep
