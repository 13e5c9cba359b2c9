#include "backend/nccl/gpu_worker.h"

#include <algorithm>
#include <utility>

#include "backend/nccl/buffer_work.h"
#include "backend/process/replay.h"

namespace lockstep::nccl {

using numeric::Held;
using numeric::Shape;

GpuWorker::GpuWorker(const Plan& plan, const numeric::ReplayOptions& options, int rank,
                     Device& device, Communicators& communicators, std::int64_t weight_budget)
    : plan_(plan),
      rank_(rank),
      device_(device),
      communicators_(communicators),
      weights_(plan.model, options.seed),
      reference_(plan, weights_, options.storage),
      device_weights_(device, weights_, options.storage, weight_budget),
      arithmetic_(device_weights_),
      tensors_(plan, options, arithmetic_, reference_,
               [this](const numeric::RouterChoice& choice) { choices_.push_back(choice); }) {}

Shape GpuWorker::shape(TensorId tensor) {
  const DeviceHeld& held = tensors_.at(tensor, rank_);
  if (!held) return {};
  return {true, held->values.rows(), held->columns};
}

Held GpuWorker::value(TensorId tensor) {
  return arithmetic_.tensor_to_host(tensors_.at(tensor, rank_));
}

void GpuWorker::put(TensorId tensor, Held value) {
  tensors_.put(tensor, rank_, arithmetic_.tensor_from_host(std::move(value)));
}

void GpuWorker::compute(int operation) { tensors_.compute(operation, rank_); }

std::vector<numeric::RouterChoice> GpuWorker::take_choices() { return std::exchange(choices_, {}); }

DeviceHeld GpuWorker::passed(int operation, std::size_t output) const {
  const Operation& op = this->operation(operation);
  return op.in.empty() ? nullptr : tensors_.at(op.in[output].tensor, rank_);
}

void GpuWorker::call(int operation, int communicator, const std::vector<NcclCall>& calls,
                     DeviceValues& working, DeviceValues& scratch) {
  if (calls.empty()) return;
  communicators_.issue(communicator, calls,
                       {working.data(), scratch.data(), arithmetic_.storage()}, device_.stream(),
                       name_of_operation(plan_, operation));
  if (called_.empty() || called_.back().operation != operation) called_.push_back({operation, {}});
  std::vector<NcclCall>& all = called_.back().calls;
  all.insert(all.end(), calls.begin(), calls.end());
}

void GpuWorker::wait(int operation, int communicator) {
  communicators_.wait(communicator, device_.stream(), name_of_operation(plan_, operation));
}

// ---- collectives ------------------------------------------------------------------------------

void GpuWorker::exchange(int operation, const numeric::Exchange& exchange,
                         const process::CallPlace& place) {
  const auto self = static_cast<int>(place.self);
  const DeviceHeld own = passed(operation, place.output);
  DeviceValues working = loaded(device_, exchange, self, own, buffer_elements(exchange, self),
                                element_type(arithmetic_.storage()));
  DeviceValues scratch;
  for (const NcclGroup& group : nccl_groups(exchange, self)) {
    const bool needs_scratch =
        group.before == LocalWork::copy_to_scratch || group.after == LocalWork::copy_to_scratch;
    if (needs_scratch && scratch.element_count() == 0) {
      scratch = DeviceValues(device_, 1, working.element_count(), working.type());
    }
    do_local_work(device_, group.before, working, scratch);
    call(operation, place.communicator, group.calls, working, scratch);
    do_local_work(device_, group.after, working, scratch);
  }
  peers_.wait(site);
  if (this->operation(operation).out.empty()) return;
  tensors_.write(operation, place.output, rank_, unloaded(device_, exchange, self, working, own));
}

// ---- messages ---------------------------------------------------------------------------------

void GpuWorker::begin_send(int, const process::MessageHalf& half) { sending_ = half; }

// Both halves are one NCCL group, as send_recv() of a serving system is: the rank that has either
// waits for both.
void GpuWorker::end_messages(int operation, const std::optional<Incoming>& incoming) {
  const std::optional<process::MessageHalf> sent = std::exchange(sending_, std::nullopt);
  if (!sent && !incoming) return;
  const Operation& op = this->operation(operation);
  const std::vector<int>& members = *membership(plan_, op.group, rank_).members;
  const auto index_of = [&](int rank) {
    return static_cast<int>(std::ranges::find(members, rank) - members.begin());
  };
  const DeviceHeld own = sent ? passed(operation, 0) : nullptr;
  std::optional<NcclMessage> out;
  std::optional<NcclMessage> in;
  if (sent) out = {index_of(sent->peer), own ? own->values.element_count() : 0};
  if (incoming) {
    const Shape& shape = incoming->shape;
    const std::int64_t width = numeric::width_of(shape.columns);
    in = {index_of(incoming->half.peer), shape.written ? shape.rows * width : 0};
  }
  const std::int64_t first = out ? out->elements : 0;
  DeviceValues working(device_, 1, first + (in ? in->elements : 0),
                       element_type(arithmetic_.storage()));
  if (first > 0) copy_elements(device_, own->values, working);
  DeviceValues none;
  const int communicator = sent ? sent->channel.communicator : incoming->half.channel.communicator;
  call(operation, communicator, nccl_calls(out, in), working, none);
  wait(operation, communicator);
  if (!incoming) return;
  const Shape& shape = incoming->shape;
  DeviceHeld received;
  if (shape.written) {
    const std::int64_t width = numeric::width_of(shape.columns);
    received = arithmetic_.made(shape.columns, part_of(device_, working, first, shape.rows, width));
  }
  tensors_.write(operation, 0, rank_, std::move(received));
}

void GpuWorker::receive_own(int operation) {
  tensors_.write(operation, 0, rank_, passed(operation, 0));
}

std::vector<std::byte> GpuWorker::finish() {
  device_.synchronize();
  communicators_.close();
  return encode(GpuReport{called_, device_.memory().use().peak});
}

}  // namespace lockstep::nccl
