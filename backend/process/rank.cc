#include "backend/process/rank.h"

#include <chrono>
#include <utility>

#include "backend/numeric/interpreter.h"
#include "backend/process/channels.h"
#include "backend/process/remote_ranks.h"

namespace lockstep::process {
namespace {

numeric::Held without_values(const numeric::Shape& shape) {
  if (!shape.written) return nullptr;
  return numeric::make_held(shape.columns, numeric::Matrix<float>(shape.rows, 0));
}

}  // namespace

Rank::Rank(const Plan& plan, numeric::Storage storage, int rank, int observer, Mesh& mesh,
           Worker& worker)
    : plan_(plan),
      storage_(storage),
      rank_(rank),
      observer_(observer),
      mesh_(mesh),
      worker_(worker),
      communicators_(plan),
      watched_(watched(plan, rank)) {}

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
  report.worker = worker_.finish();
  return report;
}

// ---- the observer -----------------------------------------------------------------------------

std::vector<Shown> Rank::what_to_show(int operation) {
  std::vector<Shown> shown;
  for (const TensorId tensor : watched_) {
    const void* identity = worker_.identity(tensor);
    if (std::exchange(shown_[tensor], identity) == identity) continue;
    shown.push_back({tensor, true, worker_.value(tensor)});
  }
  for (const ToShow& show : to_show(plan_, operation)) {
    shown.push_back({show.tensor, show.with_values,
                     show.with_values ? worker_.value(show.tensor)
                                      : without_values(worker_.shape(show.tensor))});
  }
  return shown;
}

void Rank::arrive(int operation) {
  Arrival arrival{operation, what_to_show(operation), worker_.take_choices()};
  mesh_.send(observer_, observation_tag(), encode(arrival));
  const Buffer answer = mesh_.receive_up_to(observer_, observation_tag(), kLongestObservation);
  GoOn go_on = decode_go_on(answer, plan_);
  for (Shown& put_right : go_on.repaired) {
    worker_.put(put_right.tensor, std::move(put_right.held));
  }
}

void Rank::execute(int operation) {
  const OpKind kind = plan_.operations[static_cast<std::size_t>(operation)].kind;
  if (!communicates(kind)) return worker_.compute(operation);
  const auto start = std::chrono::steady_clock::now();
  if (is_collective(kind)) {
    collective(operation);
  } else {
    peer_to_peer(operation);
  }
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  traffic_.microseconds = spent.count();
  traffic_.sent_bytes = worker_.take_sent_bytes();
}

}  // namespace lockstep::process
