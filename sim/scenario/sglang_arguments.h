// The server arguments of SGLang as far as Lockstep knows what they mean for communication.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class ArgumentEffect : std::uint8_t {
  model,           // names the model
  key,             // sets the scenario's key ServerArgument::key
  eager,           // switches CUDA graphs off
  captured_sizes,  // captured decode sizes
  ignored,         // does not decide on communication; has values
  ignored_switch,  // does not decide on communication; has no value
  refused,         // changes communication in a way that is not modelled
};

struct ServerArgument {
  std::string_view name;  // as ServerArgs spells it: "tp_size"
  ArgumentEffect effect = ArgumentEffect::ignored;
  std::string_view key;  // "parallel.tp_size"
};

// nullptr if unknown. `name` with dashes or underscores, without the leading dashes; the command
// line's aliases (`tp`, `tensor-parallel-size`) included.
const ServerArgument* find_server_argument(std::string_view name);
// True of switches, which are set by naming them.
bool takes_no_value(const ServerArgument& argument);
// Every name and alias, with dashes.
std::vector<std::string> server_argument_names();

}  // namespace lockstep
