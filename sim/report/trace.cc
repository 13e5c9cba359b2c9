#include "sim/report/trace.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "sim/report/trace_args.h"

namespace lockstep {
namespace {

// Microseconds with picoseconds behind the point: exact, unlike a double.
std::string microseconds(Duration time) {
  constexpr std::int64_t kPerMicrosecond = 1'000'000;
  return fmt::format("{}.{:06}", time.count() / kPerMicrosecond, time.count() % kPerMicrosecond);
}

// Arrows of one collective, or from a send to its receive: how many calls there have been on this
// communicator, or way, and on what rank.
class Flows {
 public:
  explicit Flows(const RankSet& shown) : shown_(shown) {}

  // The number of the meeting that is `rank`'s next on `communicator`.
  std::int64_t meeting(int rank, int communicator) {
    return number({0, communicator, meetings_[{rank, communicator}]++});
  }
  std::int64_t message(int from, int to, bool sends) {
    auto& count = (sends ? sent_ : received_)[{from, to}];
    return number({1 + from, to, count++});
  }
  // The letter of a member's part of an arrow: s begins, t goes on, f ends; '\0' where nobody else
  // is shown.
  char part(const Program& program, int communicator, int rank) {
    const auto [entry, is_new] = ends_.try_emplace(communicator, std::pair{-1, -1});
    auto& [first, last] = entry->second;
    if (is_new) {
      for (const int member : program.communicators[static_cast<std::size_t>(communicator)]) {
        if (!shown_.contains(member)) continue;
        if (first < 0) first = member;
        last = member;
      }
    }
    if (first == last) return '\0';
    return rank == first ? 's' : rank == last ? 'f' : 't';
  }

 private:
  std::int64_t number(const std::array<int, 3>& key) {
    const auto next = static_cast<std::int64_t>(numbers_.size()) + 1;
    return numbers_.try_emplace(key, next).first->second;
  }

  const RankSet& shown_;
  std::map<std::array<int, 3>, std::int64_t> numbers_;
  std::map<int, std::pair<int, int>> ends_;  // by communicator: its first and last member shown
  std::map<std::pair<int, int>, int> meetings_;
  std::map<std::pair<int, int>, int> sent_;
  std::map<std::pair<int, int>, int> received_;
};

class Writer {
 public:
  Writer(const RunOfPlan& run, RankSet ranks)
      : run_(run), ranks_(std::move(ranks)), flows_(ranks_), args_(run.timed.labels.size()) {}

  Trace write() {
    out_ = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"scenario\":" + json_text(run_.scenario) +
           ",\"hardware\":" + json_text(run_.hardware.name) +
           ",\"ranks\":" + json_text(to_string(ranks_)) + "},\"traceEvents\":[\n";
    for (const int rank : ranks_.to_vector()) write_rank(rank);
    out_ += "\n]}\n";
    return {std::move(out_), std::move(ranks_)};
  }

 private:
  void begin_event() {
    if (!first_) out_ += ",\n";
    first_ = false;
  }

  void name_track(int rank, int stream, const char* what, const std::string& name) {
    begin_event();
    fmt::format_to(std::back_inserter(out_),
                   R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{"name":{}}}}})", rank,
                   stream, what, json_text(name));
  }

  // `rest` has the name and the arguments.
  void slice(int rank, int stream, const char* category, Time begin, Time end,
             const std::string& rest) {
    begin_event();
    fmt::format_to(std::back_inserter(out_),
                   R"({{"ph":"X","pid":{},"tid":{},"cat":"{}","ts":{},"dur":{},{}}})", rank, stream,
                   category, microseconds(begin), microseconds(end - begin), rest);
  }

  void arrow(char part, std::int64_t number, int rank, int stream, Time at) {
    if (part == '\0') return;
    begin_event();
    fmt::format_to(
        std::back_inserter(out_),
        R"({{"ph":"{}","id":{},"pid":{},"tid":{},"ts":{},"cat":"flow","name":"meets"{}}})", part,
        number, rank, stream, microseconds(at), part == 's' ? "" : R"(,"bp":"e")");
  }

  void write_rank(int rank) {
    const std::vector<Action>& actions = run_.timed.program.of_rank[static_cast<std::size_t>(rank)];
    name_track(rank, 0, "process_name", fmt::format("rank {}", rank));
    std::map<int, bool> named;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const Action& action = actions[i];
      if (action.label < 0) continue;
      if (!std::exchange(named[action.stream], true)) {
        name_track(rank, action.stream, "thread_name", fmt::format("stream {}", action.stream));
      }
      write_action(rank, action, run_.timeline.of_rank[static_cast<std::size_t>(rank)][i]);
    }
  }

  void write_action(int rank, const Action& action, const Moment& m) {
    const TraceArgs& args = args_of(action.label);
    const std::string rest = "\"name\":" + args.name + ",\"args\":" + args.args;
    if (action.kind == ActionKind::busy) {
      slice(rank, action.stream, "compute", m.begin, m.end, rest);
      write_kernels(rank, action, m, args);
      return;
    }
    if (m.ready < m.begin) {
      slice(rank, action.stream, "wait", m.ready, m.begin, R"("name":"waits for others")");
    }
    slice(rank, action.stream, "communication", m.begin, m.end, rest);
    write_arrows(rank, action, m.begin);
  }

  // The kernels of one action stand behind each other within it.
  void write_kernels(int rank, const Action& action, const Moment& m, const TraceArgs& args) {
    if (args.kernels.size() < 2) return;
    const Label& label = run_.timed.labels[static_cast<std::size_t>(action.label)];
    const Work& work = run_.timed.works[static_cast<std::size_t>(label.work)];
    Time at = m.begin;
    for (std::size_t k = 0; k < args.kernels.size(); ++k) {
      const Time end = at + work.kernels[k].duration;
      slice(rank, action.stream, "kernel", at, end, args.kernels[k]);
      at = end;
    }
  }

  void write_arrows(int rank, const Action& action, Time at) {
    const int stream = action.stream;
    if (action.kind == ActionKind::meet) {
      const std::int64_t number = flows_.meeting(rank, action.communicator);
      arrow(flows_.part(run_.timed.program, action.communicator, rank), number, rank, stream, at);
      return;
    }
    const bool only_receives = action.kind == ActionKind::receive;
    const int to = only_receives ? -1 : action.peer;
    const int from = only_receives                         ? action.peer
                     : action.kind == ActionKind::exchange ? action.other
                                                           : -1;
    if (to >= 0 && ranks_.contains(to)) {
      arrow('s', flows_.message(rank, to, true), rank, stream, at);
    }
    if (from >= 0 && ranks_.contains(from)) {
      arrow('f', flows_.message(from, rank, false), rank, stream, at);
    }
  }

  const TraceArgs& args_of(int label) {
    TraceArgs& args = args_[static_cast<std::size_t>(label)];
    if (args.name.empty()) args = trace_args(run_, label);
    return args;
  }

  const RunOfPlan& run_;
  RankSet ranks_;
  Flows flows_;
  std::vector<TraceArgs> args_;  // by label, made when first needed
  std::string out_;
  bool first_ = true;
};

RankSet with_room(const RunOfPlan& run, std::size_t most_actions) {
  std::size_t actions = 0;
  int count = 0;
  for (const std::vector<Action>& list : run.timed.program.of_rank) {
    actions += list.size();
    if (actions > most_actions && count > 0) break;
    ++count;
  }
  return RankSet::range(0, count);
}

}  // namespace

Trace trace_of(const RunOfPlan& run, const TraceOptions& options) {
  const RankSet ranks =
      options.ranks.empty() ? with_room(run, options.most_actions) : options.ranks;
  return Writer(run, ranks).write();
}

}  // namespace lockstep
