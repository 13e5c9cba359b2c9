#include "sim/cost/timeline/breakdown.h"

#include <algorithm>
#include <array>

namespace lockstep {
namespace {

enum Activity : std::uint8_t { kCompute, kCommunication, kWait, kActivities };

bool communicates(ActionKind kind) {
  return kind == ActionKind::meet || kind == ActionKind::send || kind == ActionKind::receive ||
         kind == ActionKind::exchange;
}

// Begins or ends of activities on the streams of one rank.
struct Change {
  Time at{};
  Activity activity = kCompute;
  int by = 0;  // +1, -1
};

// Streams never do two things at once: what they do adds up.
Split split_of_one_stream(const std::vector<Action>& actions, const std::vector<Moment>& moments) {
  Split split;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const Moment& m = moments[i];
    if (actions[i].kind == ActionKind::busy) {
      split.compute += m.end - m.begin;
    } else if (communicates(actions[i].kind)) {
      split.communication += m.end - m.begin;
      split.wait += m.begin - m.ready;
    }
  }
  return split;
}

std::vector<Change> changes_of(const std::vector<Action>& actions,
                               const std::vector<Moment>& moments) {
  std::vector<Change> changes;
  const auto add = [&changes](Activity activity, Time begin, Time end) {
    if (begin == end) return;
    changes.push_back({begin, activity, 1});
    changes.push_back({end, activity, -1});
  };
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const Moment& m = moments[i];
    if (actions[i].kind == ActionKind::busy) {
      add(kCompute, m.begin, m.end);
    } else if (communicates(actions[i].kind)) {
      add(kCommunication, m.begin, m.end);
      add(kWait, m.ready, m.begin);
    }
  }
  std::ranges::sort(changes, {}, &Change::at);
  return changes;
}

Split split_of_streams(const std::vector<Action>& actions, const std::vector<Moment>& moments) {
  std::array<Duration, kActivities> sums{};
  std::array<int, kActivities> running{};
  Time last{};
  for (const Change& change : changes_of(actions, moments)) {
    const auto first = std::ranges::find_if(running, [](int count) { return count > 0; });
    if (first != running.end()) {
      sums[static_cast<std::size_t>(first - running.begin())] += change.at - last;
    }
    last = change.at;
    running[change.activity] += change.by;
  }
  return {sums[kCompute], sums[kCommunication], sums[kWait], {}};
}

Split split_of(const std::vector<Action>& actions, const std::vector<Moment>& moments,
               Duration makespan) {
  const bool one_stream = std::ranges::all_of(
      actions, [&](const Action& a) { return a.stream == actions.front().stream; });
  Split split =
      one_stream ? split_of_one_stream(actions, moments) : split_of_streams(actions, moments);
  split.idle = makespan - split.total();
  return split;
}

// Sums over ranks; an operation's actions on one rank stand together in its list.
class OperationSums {
 public:
  OperationSums(const Plan& plan, const TimedProgram& timed)
      : timed_(timed), of_(plan.operations.size()) {}

  void add_rank(const std::vector<Action>& actions, const std::vector<Moment>& moments) {
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (actions[i].label < 0) continue;
      const Label& label = timed_.labels[static_cast<std::size_t>(actions[i].label)];
      if (label.operation != current_) finish();
      current_ = label.operation;
      OperationTime& time = of_[static_cast<std::size_t>(current_)];
      if (time.label < 0) time.label = actions[i].label;
      const bool whole = label.work >= 0 && label.kernel < 0;
      time.calls += whole ? static_cast<std::int64_t>(
                                timed_.works[static_cast<std::size_t>(label.work)].kernels.size())
                          : 1;
      busy_ += moments[i].end - moments[i].begin;
      if (communicates(actions[i].kind)) waited_ += moments[i].begin - moments[i].ready;
    }
    finish();
  }

  std::vector<OperationTime> take() {
    std::vector<OperationTime> all;
    for (std::size_t i = 0; i < of_.size(); ++i) {
      if (of_[i].ranks == 0) continue;
      of_[i].operation = static_cast<int>(i);
      all.push_back(of_[i]);
    }
    return all;
  }

 private:
  void finish() {
    if (current_ < 0) return;
    OperationTime& time = of_[static_cast<std::size_t>(current_)];
    ++time.ranks;
    time.sum += busy_.count();
    time.most = std::max(time.most, busy_);
    time.wait_sum += waited_.count();
    time.wait_most = std::max(time.wait_most, waited_);
    busy_ = waited_ = {};
    current_ = -1;
  }

  const TimedProgram& timed_;
  std::vector<OperationTime> of_;
  int current_ = -1;
  Duration busy_{};
  Duration waited_{};
};

std::vector<StepTime> steps_of(const Plan& plan, const TimedProgram& timed,
                               const Timeline& timeline) {
  std::vector<StepTime> steps(plan.steps.size());
  for (std::size_t s = 0; s < steps.size(); ++s) {
    for (const Request& request : plan.steps[s].requests) {
      const bool decodes = request.tokens == 1 && request.prefix > 0;
      (decodes ? steps[s].decoded_tokens : steps[s].prompt_tokens) += request.tokens;
    }
  }
  for (std::size_t r = 0; r < timed.program.of_rank.size(); ++r) {
    const std::vector<Action>& actions = timed.program.of_rank[r];
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (actions[i].label < 0) continue;
      const Label& label = timed.labels[static_cast<std::size_t>(actions[i].label)];
      const Site& site = plan.operations[static_cast<std::size_t>(label.operation)].site;
      Time& end = steps[static_cast<std::size_t>(site.step)].end;
      end = std::max(end, timeline.of_rank[r][i].end);
    }
  }
  Time last{};
  for (StepTime& step : steps) {
    step.begin = last;
    step.end = std::max(step.end, last);
    last = step.end;
  }
  return steps;
}

}  // namespace

Breakdown breakdown(const Plan& plan, const TimedProgram& timed, const Timeline& timeline) {
  Breakdown result;
  result.makespan = timeline.end;
  OperationSums sums(plan, timed);
  for (std::size_t r = 0; r < timed.program.of_rank.size(); ++r) {
    const std::vector<Action>& actions = timed.program.of_rank[r];
    result.ranks.push_back(split_of(actions, timeline.of_rank[r], timeline.end));
    sums.add_rank(actions, timeline.of_rank[r]);
  }
  result.operations = sums.take();
  result.steps = steps_of(plan, timed, timeline);
  return result;
}

}  // namespace lockstep
