#include "backend/nccl/launch/nccl_error.h"

#include <fmt/format.h>

#include <utility>

#include "sim/base/rank_set.h"

namespace lockstep::nccl {

NcclError::NcclError(std::string name, const std::string& text, const std::string& what,
                     const std::vector<int>& members)
    : CollectiveError(fmt::format("NCCL: {} ({}) in {} among ranks {}", text, name, what,
                                  to_string(RankSet::of(members)))),
      name_(std::move(name)),
      members_(members) {}

}  // namespace lockstep::nccl
