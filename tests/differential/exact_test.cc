// The check on forms and the check rank by rank must give one result: verdict, violations with all
// their fields, obligations. LOCKSTEP_SEED and LOCKSTEP_CASES choose another sequence.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/base/yaml.h"
#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/plan/text.h"
#include "sim/report/check_report.h"
#include "sim/scenario/scenario.h"
#include "tests/differential/cases.h"
#include "tests/differential/environment.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 6000;
constexpr std::uint64_t kSeed = 24785;

contract::CheckResult exactly(const Plan& plan) {
  contract::Options options;
  options.exact = true;
  return contract::check(plan, options);
}

std::string text_of(const contract::CheckResult& result, const Plan& plan) {
  return check_json({plan.name, plan, result, {}, {}, 0, 0, 0}).dump(1);
}

// Where the two results differ; empty if they do not.
std::string difference(const Plan& plan) {
  const contract::CheckResult on_forms = contract::check(plan);
  const contract::CheckResult exact = exactly(plan);
  contract::Options quick;
  quick.verdict_only = true;
  if (contract::check(plan, quick).verdict != exact.verdict) return "the quick verdict differs";
  if (on_forms.obligations != exact.obligations) return "the obligations differ";
  if (on_forms.stopped_at != exact.stopped_at) return "the stops differ";
  const std::string mine = text_of(on_forms, plan);
  const std::string theirs = text_of(exact, plan);
  if (mine == theirs) return {};
  return fmt::format("on forms:\n{}\nexact:\n{}", mine, theirs);
}

TEST_CASE("forms and ranks give one result on thousands of plans") {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  const std::int64_t wanted = from_environment("LOCKSTEP_CASES", kCases);
  std::int64_t cases = 0;
  std::int64_t cheaper = 0;
  for (std::int64_t index = 0; cases < wanted; ++index) {
    REQUIRE(index < 10 * wanted);
    const std::optional<Case> drawn = make_case(seed, index);
    if (!drawn) continue;
    ++cases;
    const std::string why = difference(drawn->plan);
    if (!why.empty()) {
      fmt::print("case {} of seed {}: {}\n  {}\n", index, seed, drawn->description, why);
    }
    REQUIRE(why == "");
    const std::size_t made = contract::check(drawn->plan).states_made;
    if (made < exactly(drawn->plan).states_made) ++cheaper;
  }
  fmt::print("seed {}: {} cases, {} made fewer states on forms\n", seed, cases, cheaper);
  CHECK(cheaper * 10 >= cases * 9);
}

TEST_CASE("forms and ranks give one result on every scenario file") {
  int files = 0;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios")) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const std::filesystem::path& path : paths) {
    const std::string parent = path.parent_path().filename().string();
    if (parent == "models" || parent == "scale") continue;
    const Result<Document> document = read_yaml(path.string());
    REQUIRE(document);
    if (document->root.find("lockstep") == nullptr) continue;  // a model family
    Result<Plan> plan =
        is_plan(*document) ? parse_plan(*document) : lower(*load_scenario(path.string()));
    REQUIRE(plan);
    INFO(path.string());
    CHECK(difference(*plan) == "");
    ++files;
  }
  CHECK(files >= 20);
}

}  // namespace
}  // namespace lockstep::test
