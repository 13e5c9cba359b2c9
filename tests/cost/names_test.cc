#include <doctest/doctest.h>

#include "sim/cost/collective_call.h"
#include "sim/cost/kernel.h"

namespace lockstep {

TEST_CASE("collectives have the names of nccl-tests") {
  CHECK(to_string(Collective::all_reduce) == "all_reduce");
  CHECK(to_string(Collective::send_recv) == "sendrecv");
  CHECK(to_string(LaunchStyle::nccl_tests) == "nccl-tests");
}

}  // namespace lockstep
