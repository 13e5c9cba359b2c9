// Hardware files and presets.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "sim/cost/hardware_file.h"

namespace lockstep {
namespace {

std::string faults_of(const std::string& text) {
  const Result<Hardware> hardware = parse_hardware(text, "h.yaml");
  REQUIRE_FALSE(hardware);
  return to_string(hardware.faults());
}

Hardware preset(const std::string& name) {
  Result<Hardware> hardware = load_hardware(name);
  if (!hardware) MESSAGE(to_string(hardware.faults()));
  REQUIRE(hardware);
  return *hardware;
}

const std::string kHead = "lockstep_hardware: 1\nbase: hgx-h200\n";

}  // namespace

TEST_CASE("every preset can be read, and every constant of it says where it comes from") {
  CHECK(hardware_preset_names() == std::vector<std::string>{"gb200-nvl72", "hgx-a100", "hgx-b200",
                                                            "hgx-b300", "hgx-h100", "hgx-h200",
                                                            "loopback", "pcie-rtx-pro-6000"});
  for (const std::string& name : hardware_preset_names()) {
    const Hardware hardware = preset(name);
    CAPTURE(name);
    CHECK(hardware.name == name);
    CHECK(hardware.about.starts_with("A preset: "));
    CHECK_FALSE(hardware.accuracy.empty());
    for (const HardwareField& field : all_hardware_fields()) {
      CAPTURE(field.path);
      const std::string source = source_of(hardware, field.path);
      CHECK_FALSE(source.empty());
      CHECK(source.find("names no source") == std::string::npos);
    }
  }
}

TEST_CASE("a hardware file that is written reads back to the same values") {
  for (const std::string& name : hardware_preset_names()) {
    const Hardware hardware = preset(name);
    const Result<Hardware> again = parse_hardware(hardware_yaml(hardware), "again.yaml");
    if (!again) MESSAGE(to_string(again.faults()));
    REQUIRE(again);
    CHECK(*again == hardware);
  }
}

TEST_CASE("what is said nowhere is hgx-h200") {
  CHECK(default_hardware() == preset("hgx-h200"));
  Hardware defaults;
  Hardware hardware = default_hardware();
  for (const auto& fields : {node_fields(), gpu_fields(), launch_fields()}) {
    for (const HardwareField& field : fields) {
      CAPTURE(field.path);
      CHECK(field.of(defaults) == field.of(hardware));
    }
  }
}

TEST_CASE("paths of constants are unique, and presets lie within the ranges") {
  const std::vector<HardwareField> fields = all_hardware_fields();
  for (const HardwareField& field : fields) {
    CAPTURE(field.path);
    CHECK(std::ranges::count(fields, field.path, &HardwareField::path) == 1);
    CHECK_FALSE(field.meaning.empty());
    CHECK_FALSE(field.unit.empty());
  }
}

TEST_CASE("a file with a base says only what differs, and whose the rest is") {
  const Result<Hardware> hardware =
      parse_hardware(kHead + "name: mine\nnode: {nic_GBps: 23.5}\n", "h.yaml");
  REQUIRE(hardware);
  CHECK(hardware->name == "mine");
  CHECK(hardware->node.nic_GBps == 23.5);
  CHECK(hardware->node.link_GBps == preset("hgx-h200").node.link_GBps);
  CHECK(source_of(*hardware, "node.nic_GBps") == "h.yaml, which names no source");
  CHECK(source_of(*hardware, "node.gpus") == "as hgx-h200: NVIDIA HGX H200 data sheet");
}

TEST_CASE("settings replace constants and are their source") {
  const Result<Hardware> hardware = load_hardware("hgx-h200", {{"gpu.hbm_GBps", "4000"}});
  REQUIRE(hardware);
  CHECK(hardware->gpu.hbm_GBps == 4000);
  CHECK(source_of(*hardware, "gpu.hbm_GBps") == "--set gpu.hbm_GBps=4000");
  CHECK(source_of(*hardware, "gpu.sms") == source_of(preset("hgx-h200"), "gpu.sms"));
  const Result<Hardware> wrong = load_hardware("hgx-h200", {{"gpu.hbm_GBs", "4000"}});
  REQUIRE_FALSE(wrong);
  CHECK(to_string(wrong.faults()) ==
        "--set gpu.hbm_GBs=4000: error: 'gpu' has no constant 'hbm_GBs'\n"
        "  hint: did you mean 'hbm_GBps'?\n");
}

TEST_CASE("faults of a hardware file have their place") {
  CHECK(faults_of(kHead + "node: {nic_GBs: 1}\n") ==
        "h.yaml:3:8: error: 'node' has no constant 'nic_GBs'\n"
        "  node: {nic_GBs: 1}\n"
        "         ^\n"
        "  hint: did you mean 'nic_GBps'?\n");
  CHECK(faults_of(kHead + "node: {gpus: 2.5}\n") ==
        "h.yaml:3:14: error: 'node.gpus' must be an integer from 1 to 65536, not '2.5'\n"
        "  node: {gpus: 2.5}\n"
        "               ^\n"
        "  hint: GPUs of one node: of one NVLink or PCIe network; in count\n");
  CHECK(faults_of(kHead + "colour: red\n").find("unknown key 'colour' in a hardware file") !=
        std::string::npos);
  CHECK(faults_of(kHead + "generation: fermi\n").find("must be one of ampere, hopper") !=
        std::string::npos);
  CHECK(faults_of(kHead + "gpu: 3\n").find("'gpu' must be a map of constants, not '3'") !=
        std::string::npos);
  CHECK(faults_of(kHead + "sources: {node.nic: x}\n").find("'node.nic' is neither a constant") !=
        std::string::npos);
}

TEST_CASE("a file without a base must say every constant, and names those that it does not") {
  const std::string faults = faults_of("lockstep_hardware: 1\nnode: {gpus: 2}\n");
  CHECK(faults.find("missing: node.host_gpus, node.link_GBps") != std::string::npos);
  CHECK(faults.find("base: hgx-h200") != std::string::npos);
}

TEST_CASE("what is no hardware, or builds on none, is told") {
  CHECK(faults_of("node: {gpus: 2}\n").find("'lockstep_hardware: 1' is missing") !=
        std::string::npos);
  CHECK(faults_of("lockstep_hardware: 1\nbase: hgx-h300\n").find("no hardware preset 'hgx-h300'") !=
        std::string::npos);
  const Result<Hardware> none = load_hardware("hgx-h300");
  REQUIRE_FALSE(none);
  CHECK(to_string(none.faults()).find("did you mean 'hgx-b300'?") != std::string::npos);
  CHECK_FALSE(load_hardware("no/such/file.yaml"));
}

}  // namespace lockstep
