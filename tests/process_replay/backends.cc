#include "tests/process_replay/backends.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "backend/process/messages.h"

namespace lockstep::test {
namespace {

using numeric::Comparison;
using numeric::ReplayResult;

std::string told(const ReplayResult& result) {
  return fmt::format("{}, stopped at {} ({}), {} comparisons", to_string(result.verdict),
                     result.stopped_at, result.stopped_why, result.comparisons.size());
}

std::string told(const Comparison& c) {
  return fmt::format("operation {} operand {}: {} (ranks {}), error {}, scale {}, after it {}",
                     c.operation, c.operand, c.met ? "met" : "unmet", to_string(c.wrong),
                     c.relative_error, c.scale, c.error_after_scale);
}

}  // namespace

std::string difference_of_backends(const Plan& plan, const numeric::ReplayOptions& options) {
  const ReplayResult here = numeric::replay(plan, options);
  process::ReplayOptions how;
  how.numeric = options;
  const process::ReplayOutcome there = process::replay(plan, how);
  if (there.failure) return there.failure->text;
  if (process::encode(here) == process::encode(there.result)) return {};
  for (std::size_t i = 0; i < here.comparisons.size(); ++i) {
    if (i >= there.result.comparisons.size()) break;
    const std::string a = told(here.comparisons[i]);
    const std::string b = told(there.result.comparisons[i]);
    if (a != b) return fmt::format("cpu: {}\nprocess: {}", a, b);
  }
  return fmt::format("cpu: {}\nprocess: {}", told(here), told(there.result));
}

ReplayResult on_processes(const Plan& plan, const numeric::ReplayOptions& options) {
  process::ReplayOptions how;
  how.numeric = options;
  const process::ReplayOutcome outcome = process::replay(plan, how);
  REQUIRE_MESSAGE(!outcome.failure, outcome.failure->text);
  return outcome.result;
}

}  // namespace lockstep::test
