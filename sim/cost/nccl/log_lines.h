// Lines of NCCL in a log of nccl-tests. NCCL_DEBUG=INFO prints at any time, also while
// nccl-tests has printed but half of a row:
//
//   "   512   128   float   sum   -1   15.5node-1:1000:1044 [0] NCCL INFO Connected all rings"
//   "5   0.03   0.06   0"
#pragma once

#include <set>
#include <string>

namespace lockstep {

struct LineWithoutNccl {
  std::string text;  // what stands before the message; the whole line if there is none
  bool had_message = false;
};

// `hosts`: names of the hosts, as far as the log gave them; they tell where a figure ends and the
// name of a host begins. Of others, the host begins after the last digit; where that cannot be told
// (3767c65d25c4), a "?" stands at the end of the text, which is no figure.
LineWithoutNccl without_nccl(const std::string& line, const std::set<std::string>& hosts);

}  // namespace lockstep
