// What nccl-tests writes with -J FILE.json: the same run as it prints, with more digits.
#pragma once

#include <string>

#include "sim/base/error.h"
#include "sim/cost/nccl/log.h"

namespace lockstep::tools {

// Whether a text is JSON and not what nccl-tests prints.
bool is_nccl_json(const std::string& text);

// As parse_nccl_log: what is left out and what is refused is the same. The file has no lines;
// results count from 1 in their place. Errors also: no JSON, no results, a result without figures.
Result<NcclLog> parse_nccl_json(const std::string& text, const std::string& file,
                                const std::string& kind = {});

}  // namespace lockstep::tools
