// Hundreds of seeded faults: whatever is violated is offered fixes, and every fix, applied to the
// scenario's text, makes it hold. LOCKSTEP_SEED in the environment chooses another sequence.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "sim/contract/check.h"
#include "sim/scenario/fixes.h"
#include "tests/enumeration/mutations.h"

namespace lockstep::test {
namespace {

constexpr std::uint64_t kSeed = 24785;
constexpr int kMutations = 600;

// A folder of its own, gone with the object.
class Folder {
 public:
  Folder() { std::filesystem::create_directories(path_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / fmt::format("lockstep-mutations-{}", ::getpid());
};

struct Tally {
  int mutations = 0;
  int violated = 0;
  int without_fix = 0;
  int fixes = 0;
  int only_revision = 0;  // nothing but a later revision was found
  std::map<std::string, int> kinds;
};

bool holds(const std::string& text, const std::string& file) {
  const Result<Scenario> scenario = parse_scenario(text, file);
  if (!scenario) return false;
  const Result<Plan> plan = lower(scenario->input);
  return plan && contract::check(*plan).verdict == contract::Verdict::holds;
}

// A fix of several settings has none to spare.
void check_minimal(const Scenario& scenario, const Fix& fix, const std::string& file) {
  for (std::size_t i = 0; i < fix.settings.size() && fix.settings.size() > 1; ++i) {
    Fix fewer = fix;
    fewer.settings.erase(fewer.settings.begin() + static_cast<std::ptrdiff_t>(i));
    const Result<std::string> text = apply_fix(scenario, fewer);
    REQUIRE(static_cast<bool>(text));
    CHECK_FALSE(holds(*text, file));
  }
}

void judge(const Mutation& mutation, const std::string& file, Tally& tally) {
  const Result<Scenario> scenario = parse_scenario(mutation.text, file);
  REQUIRE(static_cast<bool>(scenario));
  const Result<Plan> plan = lower(scenario->input);
  REQUIRE(static_cast<bool>(plan));
  const contract::CheckResult result = contract::check(*plan);
  if (result.verdict != contract::Verdict::violated) return;
  ++tally.violated;
  INFO(mutation.what);
  INFO(mutation.text);
  INFO(result.violations.front().message);
  const std::vector<Fix> fixes = find_fixes(*scenario, *plan, result);
  if (fixes.empty()) ++tally.without_fix;
  CHECK_FALSE(fixes.empty());
  if (fixes.size() == 1 && fixes.front().kind == "revision") ++tally.only_revision;
  for (const Fix& fix : fixes) {
    ++tally.fixes;
    ++tally.kinds[fmt::format("{} of {}{}", fix.kind, fix.settings.size(),
                              mutation.ported ? ", ported" : "")];
    const Result<std::string> text = apply_fix(*scenario, fix);
    REQUIRE(static_cast<bool>(text));
    INFO(fix.description);
    CHECK(holds(*text, file));
    check_minimal(*scenario, fix, file);
  }
}

std::uint64_t chosen_seed() {
  const char* text = std::getenv("LOCKSTEP_SEED");  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? kSeed : std::strtoull(text, nullptr, 10);
}

TEST_CASE("every violated mutation is offered fixes, and every fix holds when applied") {
  const Folder folder;
  const std::uint64_t seed = chosen_seed();
  Random random(seed);
  Tally tally;
  for (int draws = 0; tally.mutations < kMutations; ++draws) {
    REQUIRE(draws < 20 * kMutations);
    const int faults = tally.mutations % 3 == 2 ? 2 : 1;
    const auto mutation = draw_mutation(random, faults, folder.path());
    if (!mutation) continue;
    CAPTURE(seed);
    CAPTURE(tally.mutations);
    ++tally.mutations;
    judge(*mutation, (folder.path() / "scenario.yaml").string(), tally);
  }
  fmt::print(
      "seed {}: {} mutations, {} violated, {} fixes, {} with only a later revision, "
      "{} without one\n",
      seed, tally.mutations, tally.violated, tally.fixes, tally.only_revision, tally.without_fix);
  for (const auto& [kind, count] : tally.kinds) fmt::print("  {:6} {}\n", count, kind);
  CHECK(tally.violated * 10 >= tally.mutations * 4);
}

}  // namespace
}  // namespace lockstep::test
