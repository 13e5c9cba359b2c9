// From how a server was started to a scenario.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"

namespace lockstep {

struct ImportOptions {
  std::string revision = "latest";
  std::string hardware = "hgx-h200";
  // On each attention-DP shard, cut or repeated to their number; empty: kPrefillTokens or, of a
  // decode server, kDecodeTokens. Those are uneven and have an idle shard, because even batches
  // hide faults.
  std::vector<int> tokens{};
  std::string model{};                     // instead of the command's: a checkpoint or a preset
  std::vector<std::string> ignored{};      // arguments to leave out, by any spelling
  std::string source = "command line";     // names the text in messages
  std::string file = "imported scenario";  // where the scenario will be, for relative paths
  bool strict = false;                     // doubts are faults
};

inline const std::vector<int> kPrefillTokens{1024, 37, 0, 512, 3, 128, 64, 900};
inline const std::vector<int> kDecodeTokens{16, 3, 0, 8, 1, 12, 5, 16};

struct Imported {
  std::string scenario;  // empty if there are faults
  Diagnostics faults;
  Diagnostics doubts;  // unknown arguments, a log line that is cut: maybe another scenario
  Diagnostics notes;   // what was decided: repeated arguments, a model by its name
};

// The text of a scenario for `text`: see read_server_command(). Arguments that do not decide on
// communication are listed in a comment. Faults: another command, an ambiguous abbreviation, a
// value out of range, a model or an argument that is not modelled. The result always parses.
Imported import_sglang(const std::string& text, const ImportOptions& options = {});

}  // namespace lockstep
