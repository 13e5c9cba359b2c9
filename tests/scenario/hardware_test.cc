// The `hardware` key.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "sim/cost/hardware_file.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("hardware is a preset's name, or a preset and what differs") {
  const Scenario plain = parsed(with_batch("hardware: hgx-b200\n"));
  CHECK(plain.hardware == *load_hardware("hgx-b200"));
  CHECK_FALSE(plain.nodes);
  const Scenario slow =
      parsed(with_batch("hardware: {preset: hgx-b200, nodes: 2, gpu: {hbm_GBps: 6000}}\n"));
  CHECK(slow.nodes == 2);
  CHECK(slow.hardware.gpu.hbm_GBps == 6000);
  CHECK(slow.hardware.gpu.bf16_TFLOPS == plain.hardware.gpu.bf16_TFLOPS);
  CHECK(source_of(slow.hardware, "gpu.hbm_GBps") == "the scenario");
  CHECK(source_of(slow.hardware, "gpu.sms") == source_of(plain.hardware, "gpu.sms"));
}

TEST_CASE("settings reach constants, and a wrong one is told with the setting") {
  const Scenario slow = parsed(with_batch("hardware: hgx-b200\n"), {{"hardware.node.nics", "4"}});
  CHECK(slow.hardware.name == "hgx-b200");
  CHECK(slow.hardware.node.nics == 4);
  CHECK(faults_of(with_batch(""), {{"hardware.node.nic", "4"}}).find("did you mean 'nics'?") !=
        std::string::npos);
}

TEST_CASE("faults of constants have their place in the scenario") {
  CHECK(faults_of(with_batch("hardware: {preset: hgx-h200, node: {nics: -1}}\n")) ==
        "s.yaml:4:43: error: 'node.nics' must be an integer from 0 to 65536, not '-1'\n"
        "  hardware: {preset: hgx-h200, node: {nics: -1}}\n"
        "                                            ^\n"
        "  hint: NICs of one node; 0: no other node can be reached; in count\n");
}

TEST_CASE("hardware may be a file beside the scenario, or its path, and not a preset as well") {
  const std::string folder = std::filesystem::temp_directory_path() / "lockstep_hardware_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/mine.yaml") << "lockstep_hardware: 1\nbase: hgx-h200\nname: mine\n";
  const Result<Scenario> read =
      parse_scenario(with_batch("hardware: {file: mine.yaml, nodes: 4}\n"), folder + "/s.yaml");
  REQUIRE(read);
  CHECK(read->hardware.name == "mine");
  CHECK(read->nodes == 4);
  const auto named = [&](const std::string& name) {
    return parse_scenario(with_batch("hardware: hgx-b200\n"), folder + "/s.yaml",
                          {{"hardware", name}, {"hardware.node.nics", "2"}});
  };
  for (const std::string& path : {std::string("mine.yaml"), folder + "/mine.yaml"}) {
    const Result<Scenario> set = named(path);
    REQUIRE(set);
    CHECK(set->hardware.name == "mine");
    CHECK(set->hardware.node.nics == 2);
  }
  CHECK(faults_of(with_batch("hardware: none.yaml\n")).find("cannot open this file") !=
        std::string::npos);
  CHECK(faults_of(with_batch("hardware: hgx-h20\n")).find("did you mean 'hgx-h200'?") !=
        std::string::npos);
  CHECK(faults_of(with_batch("hardware: {file: none.yaml}\n")).find("cannot open this file") !=
        std::string::npos);
  CHECK(faults_of(with_batch("hardware: {file: a.yaml, preset: hgx-h200}\n"))
            .find("both a preset and a file") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("inline hardware must be whole; it is what a hardware file holds") {
  CHECK(
      faults_of(with_batch("hardware: {nodes: 2}\n")).find("constants are missing, 'node.gpus'") !=
      std::string::npos);
  std::string inline_text = "hardware:\n";
  const std::string file = hardware_yaml(*load_hardware("hgx-a100"));
  std::size_t at = file.find('\n') + 1;  // without the line of the format's version
  while (at < file.size()) {
    const std::size_t end = file.find('\n', at);
    inline_text += "  " + file.substr(at, end + 1 - at);
    at = end + 1;
  }
  const Scenario scenario = parsed(with_batch(inline_text));
  CHECK(scenario.hardware == *load_hardware("hgx-a100"));
}
