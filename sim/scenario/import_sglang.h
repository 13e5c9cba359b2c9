// From how a server was started to a scenario.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep {

struct ImportOptions {
  std::string revision = std::to_string(sglang::kLastModelled);  // `latest` is not modelled yet
  std::string hardware = "hgx-h200";
  // Extended on each attention-DP shard, cut or repeated to their number. The default is uneven and
  // has an idle shard, because even batches hide faults.
  std::vector<int> tokens{1024, 37, 0, 512, 3, 128, 64, 900};
};

// The text of a scenario for `command_line`: `sglang serve ...` or
// `python -m sglang.launch_server ...`, with environment assignments before it if need be; or a
// server's log line with `server_args=ServerArgs(...)`. Arguments that do not decide on
// communication are listed in a comment. Faults: another command, an unknown argument, a value out
// of range, a model or an argument that is not modelled. The result always parses.
Result<std::string> import_sglang(const std::string& command_line,
                                  const ImportOptions& options = {});

}  // namespace lockstep
