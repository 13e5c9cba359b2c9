// Shapes of kernels as the command line says them: "m=128,n=7168,k=7168,weights=fp8".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/kernel.h"

namespace lockstep::tools {

using ShapeText = std::vector<std::pair<std::string, std::string>>;

// "gemm", "experts", "attention", "elementwise", "topk".
std::vector<std::string> kernel_kinds();
// One line for each key of a kind: "m      rows of the input (1)".
std::string shape_help(const std::string& kind);

// The parts of "m=128,n=7168"; `where` is quoted in faults.
Result<ShapeText> split_shape(const std::string& text, const std::string& where);
// A CSV file: a line of keys, then a shape a line; an empty field is a key that is not said.
Result<std::vector<ShapeText>> read_shapes(const std::string& text, const std::string& file);

// Everything unknown and everything out of range is a fault. REQUIRES: `kind` is known.
Result<Kernel> kernel_of(const std::string& kind, const ShapeText& shape);

}  // namespace lockstep::tools
