#include "backend/process/host_worker.h"

#include <algorithm>
#include <span>
#include <utility>

namespace lockstep::process {

using numeric::Held;
using numeric::Matrix;
using numeric::Shape;

namespace {

std::vector<float> elements_of(const Held& held) {
  std::vector<float> elements;
  for (std::int64_t r = 0; r < numeric::row_count(held); ++r) {
    const std::span<const float> row = held->values.row(r);
    elements.insert(elements.end(), row.begin(), row.end());
  }
  return elements;
}

Held held_of(const Shape& shape, std::vector<float> elements) {
  if (!shape.written) return nullptr;
  return numeric::make_held(
      shape.columns,
      Matrix<float>(shape.rows, numeric::width_of(shape.columns), std::move(elements)));
}

}  // namespace

HostWorker::HostWorker(const Plan& plan, const numeric::ReplayOptions& options, int rank,
                       Mesh& mesh)
    : plan_(plan),
      rank_(rank),
      weights_(plan.model, options.seed),
      reference_(plan, weights_, options.storage),
      tensors_(plan, options, numeric::HostArithmetic(weights_, options.storage), reference_,
               [this](const numeric::RouterChoice& choice) { choices_.push_back(choice); }),
      runner_(mesh, options.storage) {}

Shape HostWorker::shape(TensorId tensor) { return numeric::shape_of(value(tensor)); }

const void* HostWorker::identity(TensorId tensor) { return tensors_.at(tensor, rank_).get(); }

Held HostWorker::value(TensorId tensor) { return tensors_.at(tensor, rank_); }

void HostWorker::put(TensorId tensor, Held value) { tensors_.put(tensor, rank_, std::move(value)); }

void HostWorker::compute(int operation) { tensors_.compute(operation, rank_); }

std::vector<numeric::RouterChoice> HostWorker::take_choices() {
  return std::exchange(choices_, {});
}

Held HostWorker::passed(int operation, std::size_t output) const {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  return op.in.empty() ? nullptr : tensors_.at(op.in[output].tensor, rank_);
}

void HostWorker::exchange(int operation, const numeric::Exchange& exchange,
                          const CallPlace& place) {
  const auto self = static_cast<int>(place.self);
  const Held own = passed(operation, place.output);
  std::vector<float> working = exchange.load(self, own);
  runner_.take_turns(exchange, place, working);
  if (plan_.operations[static_cast<std::size_t>(operation)].out.empty()) return;
  tensors_.write(operation, place.output, rank_, exchange.unload(self, std::move(working), own));
}

// A tensor leaves with its half, unless it is large: then it goes while the other one comes.
void HostWorker::begin_send(int operation, const MessageHalf& half) {
  sending_ = elements_of(passed(operation, 0));
  outgoing_ = {half.peer, message_tag(half.channel, half.number), sending_};
  constexpr std::size_t kLarge = 1 << 17;
  if (sending_.size() < kLarge) runner_.send_receive(std::exchange(outgoing_, {}), {});
}

void HostWorker::end_messages(int operation, const std::optional<Incoming>& incoming) {
  std::vector<float> message;
  TurnRunner::Incoming in;
  if (incoming) {
    const Shape& shape = incoming->shape;
    message.resize(static_cast<std::size_t>(
        shape.written ? shape.rows * numeric::width_of(shape.columns) : 0));
    in = {incoming->half.peer, message_tag(incoming->half.channel, incoming->half.number), message};
  }
  runner_.send_receive(std::exchange(outgoing_, {}), in);
  if (incoming) tensors_.write(operation, 0, rank_, held_of(incoming->shape, std::move(message)));
}

void HostWorker::receive_own(int operation) {
  tensors_.write(operation, 0, rank_, passed(operation, 0));
}

}  // namespace lockstep::process
