#include "backend/process/rank.h"

#include <chrono>
#include <utility>

#include "backend/numeric/interpreter.h"
#include "backend/process/channels.h"
#include "backend/process/remote_ranks.h"

namespace lockstep::process {

using numeric::Held;

Rank::Rank(const Plan& plan, const numeric::ReplayOptions& options, int rank, int observer,
           Mesh& mesh)
    : plan_(plan),
      options_(options),
      rank_(rank),
      observer_(observer),
      mesh_(mesh),
      weights_(plan.model, options.seed),
      reference_(plan, weights_, options.storage),
      held_(plan, options, weights_, reference_,
            [this](const numeric::RouterChoice& choice) { choices_.push_back(choice); }),
      communicators_(plan),
      watched_(watched(plan, rank)),
      runner_(mesh, options.storage) {}

RankReport Rank::run(const Before& before) {
  RankReport report;
  const auto operations = static_cast<int>(plan_.operations.size());
  for (int operation = numeric::next_operation(plan_, rank_, -1); operation < operations;
       operation = numeric::next_operation(plan_, rank_, operation)) {
    arrive(operation);
    if (before) before(operation);
    traffic_ = {operation, 0, {}};
    execute(operation);
    const OpKind kind = plan_.operations[static_cast<std::size_t>(operation)].kind;
    if (communicates(kind)) report.traffic.push_back(std::move(traffic_));
  }
  arrive(operations);
  return report;
}

// ---- the observer -----------------------------------------------------------------------------

std::vector<Shown> Rank::what_to_show(int operation) {
  std::vector<Shown> shown;
  for (const TensorId tensor : watched_) {
    Held held = held_.held(tensor, rank_);
    if (shown_[tensor] == held) continue;
    shown_[tensor] = held;
    shown.push_back({tensor, true, std::move(held)});
  }
  for (const ToShow& show : to_show(plan_, operation)) {
    Held held = held_.held(show.tensor, rank_);
    shown.push_back({show.tensor, show.with_values, std::move(held)});
  }
  return shown;
}

void Rank::arrive(int operation) {
  Arrival arrival{operation, what_to_show(operation), std::exchange(choices_, {})};
  mesh_.send(observer_, observation_tag(), encode(arrival));
  const Buffer answer = mesh_.receive_up_to(observer_, observation_tag(), kLongestObservation);
  GoOn go_on = decode_go_on(answer, plan_);
  for (Shown& put_right : go_on.repaired) {
    held_.put(put_right.tensor, rank_, std::move(put_right.held));
  }
}

void Rank::execute(int operation) {
  const OpKind kind = plan_.operations[static_cast<std::size_t>(operation)].kind;
  if (!communicates(kind)) return held_.compute(operation, rank_);
  const auto start = std::chrono::steady_clock::now();
  if (is_collective(kind)) {
    collective(operation);
  } else {
    peer_to_peer(operation);
  }
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  traffic_.microseconds = spent.count();
  traffic_.sent_bytes = runner_.take_sent_bytes();
}

}  // namespace lockstep::process
