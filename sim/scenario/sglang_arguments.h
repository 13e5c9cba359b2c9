// The arguments of an SGLang server, and what they mean for communication: sglang_flags.txt.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// What follows a flag on a command line.
enum class ArgumentForm : std::uint8_t {
  value,     // one value
  list,      // one or more
  optional,  // none or one
  none,      // a switch
  pair,      // a switch that --no-NAME switches off
  any,       // not known
};

enum class ArgumentEffect : std::uint8_t {
  ignored,         // does not decide on communication
  refused,         // changes communication in a way that is not modelled
  key,             // sets the scenario's key ServerArgument::key
  model,           // names the model
  nodes,           // number of nodes
  eager,           // switches CUDA graphs off
  decode_graph,    // the same if its value is "disabled"
  captured_sizes,  // captured decode sizes
  sets,            // an old switch that gives another argument a value: ServerArgument::fallback
  ep_is_tp,        // an old switch: ep_size is tp_size
  config,          // a file with more arguments
  mixed_chunk,     // running decodes join a chunk of a prefill: for batch.requests to say
  pd_mode,         // prefill and decode on servers of their own
};

struct ServerArgument {
  std::string_view field;  // as ServerArgs spells it: "tp_size"
  ArgumentForm form = ArgumentForm::value;
  bool later = false;  // newer than the revisions that are modelled
  ArgumentEffect effect = ArgumentEffect::ignored;
  std::string_view key;                // "parallel.tp_size"
  std::string_view fallback;           // SGLang's default; "" for None and False; "a|b" for either
  std::vector<std::string> spellings;  // without leading dashes: "tp-size", ...; --no-... included
};

// The text of sglang_flags.txt.
std::string_view sglang_flags_table();

// In the order of the table.
std::span<const ServerArgument> server_arguments();

// By its field or any spelling, with dashes or underscores and without leading dashes; nullptr if
// unknown.
const ServerArgument* find_server_argument(std::string_view name);

struct ArgumentMatch {
  const ServerArgument* argument = nullptr;  // nullptr: unknown, or ambiguous
  bool off = false;                          // --no-NAME
  std::vector<std::string> candidates;       // of an ambiguous abbreviation, with leading dashes
};
// By its name, or by an abbreviation as Python's argparse takes it: a prefix of the spellings of
// one argument only. Arguments that came later count only where no other matches.
ArgumentMatch match_server_argument(std::string_view name);

// True of SGLang's default and of everything that says the same (None, False, an empty text).
bool is_default(const ServerArgument& argument, std::string_view value);

// "did you mean --tp-size?"; empty where nothing is near.
std::string nearest_server_argument(std::string_view name);

}  // namespace lockstep
