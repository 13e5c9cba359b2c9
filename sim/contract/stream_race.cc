#include "sim/contract/stream_race.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "sim/contract/describe.h"

namespace lockstep::contract {
namespace {

struct Wait {
  int operation = -1;
  int event = 0;
};

struct Race {
  int later = 0;
  int earlier = 0;
  int buffer = 0;
  bool later_writes = false;
  bool earlier_writes = false;
  Wait in_vain;  // the last wait on the later operation's stream for what nothing had recorded
};

// Streams and buffers by number.
struct Tables {
  explicit Tables(const Plan& plan) {
    std::set<int> streams;
    for (const Operation& op : plan.operations) streams.insert(op.stream);
    stream_count = streams.size();
    for (const Operation& op : plan.operations) {
      stream_of.push_back(
          static_cast<int>(std::distance(streams.begin(), streams.find(op.stream))));
    }
    std::map<std::string, int> numbers;
    for (const Tensor& tensor : plan.tensors) {
      const auto [it, is_new] = numbers.try_emplace(tensor.buffer, static_cast<int>(names.size()));
      if (is_new) names.push_back(tensor.buffer);
      buffer_of.push_back(it->second);
    }
  }

  std::size_t stream_count = 0;
  std::vector<int> stream_of;  // by operation
  std::vector<int> buffer_of;  // by tensor
  std::vector<std::string> names;
};

// What one rank does, in program order, with a vector clock for each stream: how many operations of
// each stream are over before the next of this one starts.
class Timeline {
 public:
  Timeline(const Plan& plan, const Tables& tables)
      : plan_(plan),
        tables_(tables),
        clocks_(tables.stream_count, Clock(tables.stream_count, 0)),
        in_vain_(tables.stream_count),
        uses_(tables.names.size()) {}

  std::vector<Race> races_of(int rank) {
    for (std::size_t i = 0; i < plan_.operations.size(); ++i) {
      if (executes(plan_.operations[i], rank)) run(static_cast<int>(i));
    }
    return std::move(races_);
  }

 private:
  using Clock = std::vector<int>;
  struct Access {
    int operation = -1;
    int time = 0;
  };
  struct Use {  // the last of each stream that touched the buffer
    std::map<int, Access> reads;
    std::map<int, Access> writes;
  };

  void run(int operation) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
    const int stream = tables_.stream_of[static_cast<std::size_t>(operation)];
    Clock& clock = clocks_[static_cast<std::size_t>(stream)];
    for (const int event : op.waits) wait(operation, event, stream);
    ++clock[static_cast<std::size_t>(stream)];
    if (op.kind != OpKind::require) touch(operation, op, stream);
    if (op.records >= 0) recorded_[op.records] = clock;
  }

  void wait(int operation, int event, int stream) {
    Clock& clock = clocks_[static_cast<std::size_t>(stream)];
    const auto found = recorded_.find(event);
    if (found == recorded_.end()) {
      in_vain_[static_cast<std::size_t>(stream)] = {operation, event};
      return;
    }
    for (std::size_t s = 0; s < clock.size(); ++s) clock[s] = std::max(clock[s], found->second[s]);
  }

  void touch(int operation, const Operation& op, int stream) {
    std::map<int, std::pair<bool, bool>> touched;  // by buffer: reads, writes
    const auto buffer = [this](TensorId tensor) { return tables_.buffer_of[tensor.index()]; };
    for (const Operand& in : op.in) touched[buffer(in.tensor)].first = true;
    for (const Output& out : op.out) {
      std::pair<bool, bool>& use = touched[buffer(out.tensor)];
      use.second = true;
      if (op.fill == Fill::keep) use.first = true;
    }
    const Access access{
        operation, clocks_[static_cast<std::size_t>(stream)][static_cast<std::size_t>(stream)]};
    for (const auto& [number, use] : touched) {
      const auto [reads, writes] = use;
      Use& before = uses_[static_cast<std::size_t>(number)];
      compare(before.writes, true, operation, stream, number, writes);
      if (writes) compare(before.reads, false, operation, stream, number, writes);
      if (reads) before.reads[stream] = access;
      if (writes) before.writes[stream] = access;
    }
  }

  // Each access of another stream that is not known to be over is a race.
  void compare(const std::map<int, Access>& accesses, bool earlier_writes, int operation,
               int stream, int buffer, bool writes) {
    const Clock& clock = clocks_[static_cast<std::size_t>(stream)];
    for (const auto& [other, access] : accesses) {
      if (access.time <= clock[static_cast<std::size_t>(other)]) continue;
      if (is_known(operation, access.operation, buffer)) continue;
      races_.push_back({operation, access.operation, buffer, writes, earlier_writes,
                        in_vain_[static_cast<std::size_t>(stream)]});
    }
  }

  // An operation that reads and writes in place races once.
  bool is_known(int later, int earlier, int buffer) const {
    for (auto r = races_.rbegin(); r != races_.rend() && r->later == later; ++r) {
      if (r->earlier == earlier && r->buffer == buffer) return true;
    }
    return false;
  }

  const Plan& plan_;
  const Tables& tables_;
  std::vector<Clock> clocks_;      // by stream
  std::vector<Wait> in_vain_;      // by stream
  std::map<int, Clock> recorded_;  // by event
  std::vector<Use> uses_;          // by buffer
  std::vector<Race> races_;
};

// Ranks that execute the same operations have the same races.
std::vector<std::vector<int>> alike(const Plan& plan) {
  std::map<RankSet, int> numbers;
  std::map<int, std::vector<std::pair<int, bool>>> changes;  // by rank: sets that begin or end
  for (const Operation& op : plan.operations) {
    if (op.ranks.empty()) continue;
    const auto [it, is_new] = numbers.try_emplace(op.ranks, static_cast<int>(numbers.size()));
    if (!is_new) continue;
    for (const RankSet::Interval& i : op.ranks.intervals()) {
      changes[i.first].emplace_back(it->second, true);
      changes[i.last + 1].emplace_back(it->second, false);
    }
  }
  changes[0];
  changes[plan.world];
  std::map<std::vector<int>, std::vector<int>> ranks_of;  // by the sets that hold them
  std::set<int> inside;
  for (auto it = changes.begin(); std::next(it) != changes.end(); ++it) {
    for (const auto& [number, begins] : it->second) {
      if (begins) {
        inside.insert(number);
      } else {
        inside.erase(number);
      }
    }
    std::vector<int>& ranks = ranks_of[{inside.begin(), inside.end()}];
    for (int rank = it->first; rank < std::next(it)->first; ++rank) ranks.push_back(rank);
  }
  std::vector<std::vector<int>> classes;
  for (auto& [sets, ranks] : ranks_of) classes.push_back(std::move(ranks));
  return classes;
}

std::string named(const Plan& plan, int operation) {
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  const std::string kind = to_string(op.kind);
  return fmt::format("operation {}, {} on stream {},", operation,
                     op.name.empty() || op.name == kind ? kind : op.name + " (" + kind + ")",
                     op.stream);
}

std::string message(const Plan& plan, const Tables& tables, const Race& race) {
  const int from = plan.operations[static_cast<std::size_t>(race.earlier)].stream;
  std::string text = fmt::format(
      "stream race: {} {} the buffer {} while {} may still {} it: it waits for no event that "
      "stream "
      "{} records from operation {} on",
      named(plan, race.later), race.later_writes ? "writes" : "reads",
      tables.names[static_cast<std::size_t>(race.buffer)], named(plan, race.earlier),
      race.earlier_writes ? "write" : "read", from, race.earlier);
  if (race.in_vain.operation >= 0) {
    text += fmt::format("; operation {} waits for event {}, which nothing has recorded by then",
                        race.in_vain.operation, race.in_vain.event);
  }
  return text;
}

Violation violation(const Plan& plan, const Tables& tables, const Race& race,
                    const RankSet& ranks) {
  const Operation& later = plan.operations[static_cast<std::size_t>(race.later)];
  Violation v;
  v.code = Code::stream_race;
  v.site = later.site;
  v.operation = operation_ref(plan, race.later);
  if (race.earlier_writes) v.producer = operation_ref(plan, race.earlier);
  v.consumer = v.operation;
  v.ranks = ranks;
  v.because = plan.operations[static_cast<std::size_t>(race.earlier)].because;
  for (const ReasonId id : later.because) {
    if (std::ranges::find(v.because, id) == v.because.end()) v.because.push_back(id);
  }
  v.message = message(plan, tables, race);
  return v;
}

}  // namespace

std::vector<Violation> stream_races(const Plan& plan) {
  const auto other = [&plan](const Operation& op) {
    return op.stream != plan.operations.front().stream;
  };
  if (std::ranges::none_of(plan.operations, other)) return {};
  const Tables tables(plan);
  std::map<std::tuple<int, int, int>, std::pair<Race, std::vector<int>>> found;
  for (const std::vector<int>& ranks : alike(plan)) {
    for (const Race& race : Timeline(plan, tables).races_of(ranks.front())) {
      auto& [first, all] =
          found.try_emplace({race.later, race.earlier, race.buffer}, race, std::vector<int>{})
              .first->second;
      all.insert(all.end(), ranks.begin(), ranks.end());
    }
  }
  std::vector<Violation> violations;
  for (const auto& [key, entry] : found) {
    violations.push_back(violation(plan, tables, entry.first, RankSet::of(entry.second)));
  }
  return violations;
}

}  // namespace lockstep::contract
