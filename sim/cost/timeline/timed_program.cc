#include "sim/cost/timeline/timed_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sim/base/text.h"
#include "sim/cost/timeline/schedules.h"
#include "sim/cost/timeline/seats.h"
#include "sim/cost/timeline/shapes.h"
#include "sim/cost/timeline/tensor_states.h"

namespace lockstep {
namespace {

// Walks the plan once; each operation appends to the lists of its ranks.
class Builder {
 public:
  Builder(const Plan& plan, const CostModel& cost, const Hardware& hardware,
          const TimelineOptions& options)
      : plan_(plan),
        options_(options),
        launch_(hardware.launch),
        seats_(plan),
        states_(plan, seats_),
        shapes_(plan, seats_, states_),
        calls_(plan, seats_, states_, cost),
        works_(plan.model, cost, hardware.launch),
        step_of_rank_(static_cast<std::size_t>(plan.world), -1) {}

  TimedProgram run() {
    out_.program.of_rank.resize(static_cast<std::size_t>(plan_.world));
    out_.program.communicators = seats_.communicators();
    for (auto& actions : out_.program.of_rank) actions.reserve(plan_.operations.size());
    for (std::size_t i = 0; i < plan_.operations.size(); ++i) {
      add_operation(static_cast<int>(i));
      states_.pass(plan_.operations[i]);
    }
    out_.program.events = static_cast<int>(event_of_.size());
    out_.works = works_.take();
    out_.calls = calls_.all();
    add_styles();
    for (const TimedCall& timed : out_.calls) {
      const CollectiveTime& t = timed.time;
      out_.program.calls.push_back({timed.text, device_time(timed.call.launch, t), nullptr, {}});
    }
    return std::move(out_);
  }

 private:
  LaunchStyle style_of(int step) const {
    if (options_.launch) return *options_.launch;
    const bool captured = static_cast<std::size_t>(step) < plan_.steps.size() &&
                          plan_.steps[static_cast<std::size_t>(step)].cuda_graph;
    return captured ? LaunchStyle::graph : LaunchStyle::eager;
  }

  // How each step is launched, and a note where that was asked for and the server would not do it.
  void add_styles() {
    std::vector<std::string> other;
    for (int s = 0; s < std::ssize(plan_.steps); ++s) {
      const LaunchStyle style = style_of(s);
      out_.style_of_step.push_back(style);
      const bool captured = plan_.steps[static_cast<std::size_t>(s)].cuda_graph;
      if (captured != (style == LaunchStyle::graph)) other.push_back(fmt::format("{}", s));
    }
    if (other.empty()) return;
    const std::string steps =
        fmt::format("step{} {}", other.size() == 1 ? "" : "s", join(other, ", "));
    out_.notes.push_back(
        options_.launch == LaunchStyle::graph
            ? fmt::format("{}: launched as a CUDA graph, as asked; the server would not", steps)
            : fmt::format("{}: the host launches each kernel, as asked; the server would launch a "
                          "CUDA graph, and its padding stays",
                          steps));
  }

  // The launch of an eager call is the host's: it is issued ahead while the device is busy.
  static Duration device_time(LaunchStyle style, const CollectiveTime& time) {
    return style == LaunchStyle::eager ? time.latency + time.transfer : time.total();
  }
  static Duration host_time(LaunchStyle style, const CollectiveTime& time) {
    return style == LaunchStyle::eager ? time.launch : Duration::zero();
  }

  void add_operation(int operation) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
    operation_ = operation;
    style_ = style_of(op.site.step);
    label_of_.clear();
    last_work_ = -1;
    if (op.ranks.empty()) {
      for (int rank = 0; rank < plan_.world; ++rank) add_on_rank(op, rank);
      return;
    }
    for (const RankSet::Interval& interval : op.ranks.intervals()) {
      for (int rank = interval.first; rank <= interval.last; ++rank) add_on_rank(op, rank);
    }
  }

  void add_on_rank(const Operation& op, int rank) {
    for (const int event : op.waits) append_event(op, rank, ActionKind::wait, event);
    if (is_collective(op.kind)) {
      add_collective(op, rank);
    } else if (is_point_to_point(op.kind)) {
      add_transfer(op, rank);
    } else if (op.kind != OpKind::require) {
      add_kernels(op, rank);
    }
    if (op.records >= 0) append_event(op, rank, ActionKind::record, op.records);
  }

  Action& append(const Operation& op, int rank, ActionKind kind) {
    Action& action = out_.program.of_rank[static_cast<std::size_t>(rank)].emplace_back();
    action.kind = kind;
    action.stream = static_cast<std::int16_t>(op.stream);
    return action;
  }

  // The plan's numbers may be any; the engine's are close together.
  void append_event(const Operation& op, int rank, ActionKind kind, int event) {
    const auto next = static_cast<int>(event_of_.size());
    append(op, rank, kind).event = event_of_.try_emplace(event, next).first->second;
  }

  // A graph is launched as a whole, when its step begins.
  Duration step_launch(int rank, int step) {
    int& last = step_of_rank_[static_cast<std::size_t>(rank)];
    if (last == step || style_ != LaunchStyle::graph) return Duration::zero();
    last = step;
    return from_microseconds(launch_.graph_replay_us);
  }

  // The label of `what` of this operation: a work, a call or a transfer, by its index.
  template <class Make>
  int label(int what, Make make) {
    const auto next = static_cast<int>(out_.labels.size());
    const auto [entry, is_new] = label_of_.try_emplace(what, next);
    if (is_new) make();
    return entry->second;
  }

  void add_kernels(const Operation& op, int rank) {
    const Shape shape = shapes_.of(operation_, rank);
    if (last_work_ < 0 || shape != last_shape_) {
      last_work_ = works_.of(shape, style_);
      last_shape_ = shape;
    }
    const Work& work = works_.all()[static_cast<std::size_t>(last_work_)];
    if (work.kernels.empty()) return;
    const bool one_by_one = style_ == LaunchStyle::eager;
    const auto kernels = static_cast<int>(work.kernels.size());
    const int first = label(last_work_, [&] {
      if (!one_by_one) out_.labels.push_back({operation_, last_work_});
      for (int p = 0; one_by_one && p < kernels; ++p) {
        out_.labels.push_back({operation_, last_work_, p});
      }
    });
    for (int p = 0; p < (one_by_one ? kernels : 1); ++p) {
      const Duration start = step_launch(rank, op.site.step);
      Action& action = append(op, rank, ActionKind::busy);
      action.label = first + p;
      action.issue = one_by_one ? from_microseconds(launch_.eager_us) : start;
      action.duration =
          one_by_one ? work.kernels[static_cast<std::size_t>(p)].duration : work.duration;
    }
  }

  void add_collective(const Operation& op, int rank) {
    if (seats_.at(op.group, rank).size == 1) return;
    const bool carries_norm = shapes_.fusion(operation_) == Fusion::carries_norm;
    const int call = calls_.of(op, rank, style_, carries_norm);
    const TimedCall& timed = calls_.all()[static_cast<std::size_t>(call)];
    const int found = label(call, [&] {
      out_.labels.push_back({operation_, -1, -1, call});
      refuse(rank, calls_.refusal(op, rank));
    });
    const Duration start = step_launch(rank, op.site.step);
    Action& action = append(op, rank, ActionKind::meet);
    action.label = found;
    action.issue = start + host_time(style_, timed.time);
    action.communicator = seats_.communicator(op.group, seats_.at(op.group, rank).part);
    action.call = call;
  }

  void refuse(int rank, const std::string& why) {
    if (why.empty()) return;
    out_.refused.push_back(
        fmt::format("rank {} at {}: {}", rank, operation_place(plan_, operation_), why));
  }

  // The global rank that `peers` names for `rank`; -1: none.
  int global_peer(const Operation& op, const std::vector<int>& peers, int rank) {
    if (peers.empty()) return -1;
    const Seat& seat = seats_.at(op.group, rank);
    const int peer = peer_of(peers, seat.index);
    if (peer < 0) return -1;
    if (peer >= seat.size) {
      refuse(rank, fmt::format("peer {} of a group of {}", peer, seat.size));
      return -1;
    }
    return plan_.group(op.group)
        .parts[static_cast<std::size_t>(seat.part)][static_cast<std::size_t>(peer)];
  }

  void add_transfer(const Operation& op, int rank) {
    const int to = op.kind == OpKind::recv ? -1 : global_peer(op, op.to, rank);
    const int from = op.kind == OpKind::send ? -1 : global_peer(op, op.from, rank);
    const int peer = to >= 0 ? to : from;
    if (peer < 0) return;
    const TimedCall& timed = calls_.transfer(op, rank, peer, style_);
    const auto index = static_cast<int>(out_.transfers.size());
    out_.transfers.push_back(timed);
    const int found = label(index, [&] { out_.labels.push_back({operation_, -1, -1, -1, index}); });
    const Duration start = step_launch(rank, op.site.step);
    Action& action = append(op, rank,
                            op.kind == OpKind::send   ? ActionKind::send
                            : op.kind == OpKind::recv ? ActionKind::receive
                                                      : ActionKind::exchange);
    action.label = found;
    action.issue = start + host_time(style_, timed.time);
    action.duration = device_time(style_, timed.time);
    action.peer = op.kind == OpKind::send_recv ? to : peer;
    if (op.kind == OpKind::send_recv) action.other = from;
  }

  const Plan& plan_;
  const TimelineOptions& options_;
  const LaunchConstants& launch_;
  Seats seats_;
  TensorStates states_;
  Shapes shapes_;
  Calls calls_;
  Works works_;
  TimedProgram out_;
  int operation_ = 0;
  LaunchStyle style_ = LaunchStyle::eager;
  std::map<int, int> label_of_;  // of this operation
  Shape last_shape_;
  int last_work_ = -1;
  std::vector<int> step_of_rank_;
  std::map<int, int> event_of_;  // by the plan's number
};

}  // namespace

TimedProgram timed_program(const Plan& plan, const CostModel& cost, const Hardware& hardware,
                           const TimelineOptions& options) {
  TimedProgram timed = Builder(plan, cost, hardware, options).run();
  if (options.fidelity == Fidelity::messages) add_schedules(timed, plan.world, hardware);
  return timed;
}

std::string operation_place(const Plan& plan, int operation) {
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  std::string text =
      op.line > 0 ? fmt::format("line {}: ", op.line) : fmt::format("operation {}: ", operation);
  text += to_string(op.kind);
  if (!op.name.empty() && op.name != to_string(op.kind)) text += fmt::format(" ({})", op.name);
  if (op.group.exists()) text += fmt::format(" over {}", plan.group(op.group).role);
  if (op.site.step > 0) text += fmt::format(", step {}", op.site.step);
  if (op.site.layer >= 0) text += fmt::format(", layer {}", op.site.layer);
  return text + (op.site.module.empty() ? "" : ", " + op.site.module);
}

}  // namespace lockstep
