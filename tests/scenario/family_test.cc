// Model families: those that are shipped, one beside a scenario, and what a wrong file is told.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "sim/contract/check.h"
#include "sim/scenario/config_tables.h"
#include "sim/scenario/scenario.h"
#include "sim/serving/family.h"

namespace lockstep {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string faults_of_family(const std::string& text) {
  const Result<Document> document = parse_yaml(text, "f.yaml");
  REQUIRE(document);
  const Result<Family> family = read_family(*document);
  return family ? "none" : to_string(family.faults());
}

// The first YAML block of docs/families.md that describes a family.
std::string documented_family() {
  const std::string doc = text_of("docs/families.md");
  const std::size_t begin = doc.find("family: my_moe\n");
  REQUIRE(begin != std::string::npos);
  return doc.substr(begin, doc.find("```", begin) - begin);
}

// A scenario beside a family file of this test's own.
class Beside {
 public:
  explicit Beside(const std::string& family)
      : folder_(std::filesystem::temp_directory_path() /
                ("lockstep-family-" + std::to_string(std::hash<std::string>{}(family)))) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "my_moe.yaml") << family;
  }
  ~Beside() { std::filesystem::remove_all(folder_); }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  contract::CheckResult checked(const std::string& revision) const {
    const Result<Scenario> scenario = parse_scenario(
        "lockstep: 1\n"
        "model: {preset: qwen2-moe-57b-a14b, architectures: [MyMoeForCausalLM], "
        "num_hidden_layers: 2}\n"
        "serving: {revision: \"" +
            revision +
            "\", family: my_moe.yaml}\n"
            "parallel: {tp_size: 8, dp_size: 8, ep_size: 8, enable_dp_attention: true}\n"
            "batch: {forward_mode: extend, tokens: [9, 3, 0, 5, 1, 1, 2, 7]}\n",
        (folder_ / "s.yaml").string());
    REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
    const Result<Plan> plan = lower(*scenario);
    REQUIRE_MESSAGE(plan, to_string(plan.faults()));
    return contract::check(*plan);
  }

 private:
  std::filesystem::path folder_;
};

TEST_CASE("every shipped family reads, and names architectures whose config.json is known") {
  CHECK(family_texts().size() >= 9);
  for (const std::string& architecture : modelled_architectures()) {
    INFO(architecture);
    CHECK(find_published_model(architecture) != nullptr);
    CHECK(is_modelled(architecture));
    const Result<Family> family = family_of(architecture);
    REQUIRE(family);
    CHECK_FALSE(family->file.empty());
  }
  for (const PublishedModel& model : published_models()) {
    INFO(std::string(model.architecture));
    CHECK(is_modelled(model.architecture));
  }
  CHECK_FALSE(is_modelled("Qwen3"));
  CHECK_FALSE(is_modelled(""));
}

TEST_CASE("a port beside its scenario that forgot to ask is found, as docs/families.md says") {
  const Beside port(documented_family());
  const contract::CheckResult before = port.checked("23748");
  REQUIRE(before.verdict == contract::Verdict::violated);
  CHECK(before.violations.size() == 2);  // every layer is sparse
  for (const contract::Violation& v : before.violations) {
    CHECK(v.code == contract::Code::double_reduction);
    CHECK(v.factor == Rational(8));
    CHECK(v.site.module == "moe");
  }
  CHECK(port.checked("24785").verdict == contract::Verdict::holds);
}

TEST_CASE("faults of a family file have their place, and the nearest name") {
  CHECK(faults_of_family("family: f\nruls: {}\n") ==
        "f.yaml:2:1: error: unknown key 'ruls' in a family\n"
        "  ruls: {}\n"
        "  ^\n"
        "  hint: did you mean 'rules'?\n");
  CHECK(faults_of_family("family: f\nrules:\n  alow_reduce_scatter:\n  - {from: 8539, is: \"1\"}\n")
            .find("did you mean 'allow_reduce_scatter'?") != std::string::npos);
  CHECK(faults_of_family(
            "family: f\nrules:\n  allow_reduce_scatter:\n  - {from: 24786, is: \"true\"}\n")
            .find("'24786' is not a pull request of the rule timeline") != std::string::npos);
  // #19918 was merged after #24785, whatever their numbers say.
  CHECK(faults_of_family("family: f\nrules:\n  allow_reduce_scatter:\n"
                         "  - {from: 19918, is: \"true\"}\n  - {from: 24785, is: \"true\"}\n")
            .find("#24785 is not after #19918 in merge order") != std::string::npos);
  CHECK(faults_of_family("family: f\nrules:\n  allow_reduce_scatter:\n  - {is: \"true\"}\n")
            .find("either 'from'") != std::string::npos);
  CHECK(faults_of_family("family: f\nstructure: {o_proj: ows}\n")
            .find("'o_proj' must be owes or sums") != std::string::npos);
  CHECK(faults_of_family("[]") != "none");
  CHECK(faults_of_family("family: {}\n") != "none");
  CHECK(faults_of_family("family: f\nrules: {allow_reduce_scatter: 3}\n") != "none");
  CHECK(faults_of_family("family: f\nrefuses: [{when: \"a2a ==\", key: k, because: b}]\n") !=
        "none");
}

TEST_CASE("a fact that nobody knows makes the verdict unknown, and is named") {
  const Beside port(documented_family() +
                    "  shared_experts_fused:\n"
                    "    - {by: 8280, is: \"unknown\", fact: \"whether they are fused\"}\n");
  const contract::CheckResult result = port.checked("24785");
  CHECK(result.verdict == contract::Verdict::unknown);
  REQUIRE(result.unknown.size() == 1);
  CHECK(result.unknown[0].find("whether they are fused") != std::string::npos);
}

}  // namespace
}  // namespace lockstep
