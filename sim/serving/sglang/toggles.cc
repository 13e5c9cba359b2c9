#include "sim/serving/sglang/toggles.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace lockstep::sglang {
namespace {

bool in_force(const Revision& revision, const RuleVersion& version) {
  return version.attributed ? revision.includes(version.pull_request)
                            : revision.merged_by_then(version.pull_request);
}

// Why the toggle of `pull_request` leaves `rule` as it is; nullopt if it does not, or if the pull
// request has no text of it.
std::optional<std::string> without_effect(const Revision& revision, const Rule& rule,
                                          int pull_request) {
  const auto own = std::ranges::find_if(rule.history, [pull_request](const RuleVersion& v) {
    return v.attributed && v.pull_request == pull_request;
  });
  if (own == rule.history.end()) return std::nullopt;
  const RuleVersion& first = rule.history.front();
  if (own != rule.history.begin() && !in_force(revision, first)) {
    return fmt::format("there is no {} here: #{} brought it", rule.name, first.pull_request);
  }
  if (own == rule.history.begin()) return std::nullopt;
  const auto later = std::find_if(own + 1, rule.history.end(), [&revision](const RuleVersion& v) {
    return in_force(revision, v);
  });
  if (later == rule.history.end()) return std::nullopt;
  return fmt::format("{} stays as it is: the text {}#{} is in force", rule.name,
                     later->attributed ? "of " : "by ", later->pull_request);
}

}  // namespace

std::vector<std::string> toggle_notes(const Revision& revision, std::span<const Rule> rules) {
  std::vector<std::string> notes;
  const auto add = [&](const char* word, int pull_request) {
    for (const Rule& rule : rules) {
      const auto why = without_effect(revision, rule, pull_request);
      if (why) notes.push_back(fmt::format("{} #{}: {}", word, pull_request, *why));
    }
  };
  for (const int pull_request : revision.with) add("with", pull_request);
  for (const int pull_request : revision.without) add("without", pull_request);
  return notes;
}

std::vector<std::string> idle_toggle_notes(const Revision& revision) {
  std::vector<std::string> notes;
  const auto add = [&](const char* word, int pull_request) {
    if (revision.asked->contains(pull_request)) return;
    notes.push_back(fmt::format("{} #{}: nothing in this plan depends on it", word, pull_request));
  };
  for (const int pull_request : revision.with) add("with", pull_request);
  for (const int pull_request : revision.without) add("without", pull_request);
  return notes;
}

}  // namespace lockstep::sglang
