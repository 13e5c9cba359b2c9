#include <fmt/format.h>

#include "sim/base/require.h"
#include "sim/base/text.h"
#include "sim/cost/collective_call.h"
#include "sim/cost/kernel.h"

namespace lockstep {

std::string describe(const CollectiveCall& call) {
  return fmt::format("{} of {} bytes among {} ranks", to_string(call.kind), with_commas(call.bytes),
                     call.ranks.size());
}

std::string to_string(Collective kind) {
  switch (kind) {
    case Collective::all_reduce:
      return "all_reduce";
    case Collective::all_gather:
      return "all_gather";
    case Collective::reduce_scatter:
      return "reduce_scatter";
    case Collective::all_to_all:
      return "all_to_all";
    case Collective::broadcast:
      return "broadcast";
    case Collective::reduce:
      return "reduce";
    case Collective::send_recv:
      return "sendrecv";
    case Collective::all_gatherv:
      return "all_gatherv";
    case Collective::reduce_scatterv:
      return "reduce_scatterv";
    case Collective::all_to_allv:
      return "all_to_allv";
    case Collective::dispatch:
      return "dispatch";
    case Collective::combine:
      return "combine";
    case Collective::barrier:
      return "barrier";
  }
  LOCKSTEP_ASSERT(false);
  return "";
}

std::string to_string(LaunchStyle style) {
  switch (style) {
    case LaunchStyle::nccl_tests:
      return "nccl-tests";
    case LaunchStyle::graph:
      return "graph";
    case LaunchStyle::eager:
      return "eager";
  }
  LOCKSTEP_ASSERT(false);
  return "";
}

double bytes_of(Number number) {
  switch (number) {
    case Number::fp32:
      return 4;
    case Number::bf16:
    case Number::fp16:
      return 2;
    case Number::fp8:
      return 1;
    case Number::fp4:
    case Number::int4:
      return 0.5;
  }
  LOCKSTEP_ASSERT(false);
  return 0;
}

}  // namespace lockstep
