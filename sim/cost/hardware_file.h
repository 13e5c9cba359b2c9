// Hardware files: the constants of a machine with their units and sources, as YAML.
//
//   lockstep_hardware: 1       version of this format
//   name: my-cluster
//   about: what it is
//   accuracy: how far off its predictions have been
//   generation: hopper         ampere, hopper, blackwell, none
//   base: hgx-h200             a preset, or a file beside this one: whose constants it has
//   otherwise node: {nic_GBps: 23.5}     constants, nested by their paths (all_hardware_fields())
//   sources: {node.nic_GBps: "ib_write_bw between two nodes"}     a path, or a prefix of paths
//
// Without `base` every constant must be there. Everything unknown is an error with its place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/setting.h"
#include "sim/cost/hardware.h"

namespace lockstep {

// True for the path of a hardware file: a name with '/', or one that ends in .yaml or .yml. Any
// other name is a preset's.
bool names_hardware_file(std::string_view preset_or_path);
// A preset's name, or the path of a hardware file. `settings` replace constants: {"gpu.hbm_GBps",
// "4000"}.
Result<Hardware> load_hardware(const std::string& preset_or_path,
                               const std::vector<Setting>& settings = {});
// The text of a hardware file; `file` is quoted in faults, and `base` is looked up beside it.
Result<Hardware> parse_hardware(std::string text, const std::string& file);

// A hardware file that reads back to the same values, every constant written out.
std::string hardware_yaml(const Hardware& hardware);

// hgx-h200: what a scenario runs on that does not say, and a plan file.
const Hardware& default_hardware();

// The files of scenarios/hardware, built into the program, in the order of their names.
std::vector<std::string> hardware_preset_names();

}  // namespace lockstep
