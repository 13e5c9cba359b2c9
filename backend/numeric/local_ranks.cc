#include "backend/numeric/local_ranks.h"

#include <utility>

#include "backend/numeric/collectives.h"

namespace lockstep::numeric {

LocalRanks::LocalRanks(const Plan& plan, const ReplayOptions& options, Weights& weights,
                       PlanReference& reference, RecordChoice record)
    : plan_(plan),
      options_(options),
      tensors_(plan, options, HostArithmetic(weights, options.storage), reference,
               std::move(record)) {}

Held LocalRanks::held(TensorId tensor, int rank) { return tensors_.at(tensor, rank); }

void LocalRanks::put(TensorId tensor, int rank, Held value) {
  tensors_.put(tensor, rank, std::move(value));
}

void LocalRanks::compute(int operation, int rank) { tensors_.compute(operation, rank); }

void LocalRanks::receive(int operation, int rank, Held sent) {
  tensors_.write(operation, 0, rank, std::move(sent));
}

void LocalRanks::exchange(const std::vector<Call>& calls) {
  const Operation& first = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  for (std::size_t output = 0; output < first.out.size(); ++output) {
    std::vector<Held> received = exchanged(calls, output);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      tensors_.write(calls[i].operation, output, calls[i].rank, std::move(received[i]));
    }
  }
}

std::vector<Held> LocalRanks::exchanged(const std::vector<Call>& calls, std::size_t output) {
  std::vector<Held> passed;
  for (const Call& call : calls) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
    passed.push_back(tensors_.at(op.in[output].tensor, call.rank));
  }
  return numeric::exchange(plan_, calls, output, passed, home_rows(plan_, calls, output),
                           options_.storage);
}

}  // namespace lockstep::numeric
