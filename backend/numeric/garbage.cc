// One run with each kind of garbage in memory that nobody wrote, told as one.
#include <algorithm>
#include <map>
#include <utility>

#include "backend/numeric/replay.h"

namespace lockstep::numeric {
namespace {

using Place = std::pair<int, int>;  // operation, operand

// From the most favourable to the worst.
int badness(ReplayVerdict verdict) {
  switch (verdict) {
    case ReplayVerdict::agrees:
      return 0;
    case ReplayVerdict::inconclusive:
      return 1;
    case ReplayVerdict::diverges:
      return 2;
    case ReplayVerdict::stopped:
      break;
  }
  return 3;
}

int badness(const Comparison& c) { return c.met ? (c.inconclusive ? 1 : 0) : 2; }

// What is wrong in the first run is told by it: its factors leave out what is no number.
ReplayResult merged(ReplayResult first, const ReplayResult& second) {
  std::map<Place, const Comparison*> others;
  for (const Comparison& c : second.comparisons) others[{c.operation, c.operand}] = &c;
  for (Comparison& c : first.comparisons) {
    const auto other = others.find({c.operation, c.operand});
    if (other == others.end() || badness(*other->second) <= badness(c)) continue;
    c = *other->second;
    first.garbage_shows.push_back(c.operation);
  }
  if (badness(second.verdict) > badness(first.verdict)) first.verdict = second.verdict;
  for (std::size_t i = 0; i < std::min(first.words.size(), second.words.size()); ++i) {
    first.words[i].changed = std::max(first.words[i].changed, second.words[i].changed);
  }
  return first;
}

}  // namespace

ReplayResult with_garbage(const ReplayOptions& options,
                          const std::function<ReplayResult(const ReplayOptions&)>& run) {
  if (options.garbage != Garbage::both) return run(options);
  ReplayOptions one = options;
  one.garbage = Garbage::nan;
  ReplayResult first = run(one);
  one.garbage = Garbage::finite;
  return merged(std::move(first), run(one));
}

}  // namespace lockstep::numeric
