// A published config.json as the keys of a scenario's `model`. The text part of a multimodal model
// (`text_config`) is what is read; names and defaults are those of sim/scenario/config_tables.h.
#pragma once

#include <string>
#include <string_view>

#include "sim/base/yaml.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// The list of architectures that `file` names, of the whole model before that of its text part;
// nullptr if there is none.
const Node* architectures_of(const Node& file);

// The keys of `file` under the names that `model` has for them, each with its place in the file.
// Keys that are not modelled are left out. An absent key is its class's default, if that is known.
// null is no default: a count that is null is none, a flag that is null is false.
Node model_keys_of(const Node& file, std::string_view architecture);

// How `file` stores its weights, in one word: "int4" (compressed-tensors with 4-bit integers),
// "nvfp4" (ModelOpt or compressed-tensors), "fp8"; otherwise the quant_method itself ("mxfp4",
// "awq", "gptq"), and "none" without a quantization_config. A fault gives "none".
std::string quantization_of(Checker& checker, const Node& file);

}  // namespace lockstep
