#include "sim/cost/serving/libraries.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "sim/cost/serving/all_reduce.h"
#include "sim/cost/serving/shots.h"

namespace lockstep {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// The systems that bring an all-reduce in one kernel, by the library's name.
struct System {
  std::string_view library;
  std::string_view name;
  AllReduceConstants ServingConstants::*constants;
};
constexpr std::array<System, 3> kSystems{{
    {"custom", "SGLang", &ServingConstants::sglang},
    {"vllm", "vLLM", &ServingConstants::vllm},
    {"trtllm", "TensorRT-LLM", &ServingConstants::trtllm},
}};

const System* system_of(const std::string& library) {
  for (const System& system : kSystems) {
    if (system.library == library) return &system;
  }
  return nullptr;
}

double limit_MiB(const System& system, const CollectiveCall& call, const Hardware& hardware) {
  return all_reduce_limit_MiB(call.ranks.size(), hardware.serving.*system.constants);
}

std::string all_reduces_of(const System& system, const CollectiveCall& call,
                           const Hardware& hardware) {
  std::string text = "all_reduce among 2 to 8 ranks of one node";
  if ((hardware.serving.*system.constants).limit_2_MiB <= 0) {
    return text + " whose GPUs reach each other's memory, and these do not";
  }
  const double limit = limit_MiB(system, call, hardware);
  if (limit <= 0) return text;
  return text + fmt::format(", up to {:g} MiB among {} (above that {} falls back to NCCL)", limit,
                            call.ranks.size(), system.name);
}

std::string collectives_of(const CollectiveCall& call, const Hardware& hardware) {
  if (const System* system = system_of(call.library)) {
    const std::string too = call.library == "trtllm" ? "; dispatch and combine" : "";
    return all_reduces_of(*system, call, hardware) + too;
  }
  if (call.library == "symmetric") {
    return "all_reduce, all_gather and reduce_scatter among two or more ranks of one node whose "
           "GPUs reach each other's memory";
  }
  return "dispatch and combine";  // deepep
}

}  // namespace

bool falls_back_by_size(const CollectiveCall& call, const Hardware& hardware) {
  const System* system = system_of(call.library);
  if (system == nullptr || call.kind != Collective::all_reduce) return false;
  if (!call.algorithm.empty() || !on_one_node(call, hardware)) return false;
  const double limit = limit_MiB(*system, call, hardware);
  return limit > 0 && static_cast<double>(call.bytes) / kMiB > limit;
}

std::string fallback_note(const CollectiveCall& call, const Hardware& hardware) {
  const System& system = *system_of(call.library);
  return fmt::format("above {:g} MiB among {} ranks {} falls back to NCCL",
                     limit_MiB(system, call, hardware), call.ranks.size(), system.name);
}

std::optional<Diagnostic> library_refusal(const CollectiveCall& call, const CollectiveTime& time,
                                          const Hardware& hardware) {
  const bool as_named = call.library.empty() || time.library == call.library;
  if (as_named || falls_back_by_size(call, hardware)) return std::nullopt;
  const std::string by =
      call.algorithm.empty() ? "" : fmt::format(" by algorithm '{}'", call.algorithm);
  return path_fault(
      "library",
      fmt::format("{} has no {}{} for these {} ranks{}", call.library, to_string(call.kind), by,
                  call.ranks.size(), on_one_node(call, hardware) ? "" : " on several nodes"),
      fmt::format("it has {}; --library {} has this one", collectives_of(call, hardware),
                  time.library));
}

}  // namespace lockstep
