#include "backend/nccl/gpu_worker.h"

#include <algorithm>
#include <utility>

#include "backend/nccl/buffer_work.h"
#include "backend/process/replay.h"

namespace lockstep::nccl {

using numeric::Held;
using numeric::Shape;

GpuWorker::GpuWorker(const Plan& plan, const numeric::ReplayOptions& options, int rank,
                     Device& device, Communicators& communicators, const GpuWorkerOptions& how)
    : plan_(plan),
      rank_(rank),
      device_(device),
      communicators_(communicators),
      weights_(plan.model, options.seed),
      reference_(plan, weights_, options.storage),
      device_weights_(device, weights_, options.storage, how.weight_budget),
      arithmetic_(device_weights_, &routed_),
      tensors_(plan, options, arithmetic_, reference_,
               [this](const numeric::RouterChoice& choice) { choices_.push_back(choice); }),
      how_(how) {}

Shape GpuWorker::shape(TensorId tensor) {
  const DeviceHeld& held = tensors_.at(tensor, rank_);
  if (!held) return {};
  return {true, held->values.rows(), held->columns};
}

Held GpuWorker::value(TensorId tensor) {
  return arithmetic_.tensor_to_host(tensors_.at(tensor, rank_));
}

void GpuWorker::put(TensorId tensor, Held value) {
  tensors_.put(tensor, rank_, arithmetic_.tensor_from_host(value));
}

void GpuWorker::compute(int operation) {
  routed_.begin(operation);
  tensors_.compute(operation, rank_);
}

std::vector<numeric::RouterChoice> GpuWorker::take_choices() { return std::exchange(choices_, {}); }

DeviceHeld GpuWorker::passed(int operation, std::size_t output) const {
  const Operation& op = this->operation(operation);
  return op.in.empty() ? nullptr : tensors_.at(op.in[output].tensor, rank_);
}

void GpuWorker::call(int operation, int communicator, const std::vector<NcclCall>& calls,
                     DeviceValues& working, DeviceValues& scratch) {
  if (calls.empty()) return;
  last_communicator_ = communicator;
  communicators_.issue(communicator, calls, {working.data(), scratch.data(), arithmetic_.storage()},
                       device_.stream(), process::name_of_operation(plan_, operation));
  if (is_noting_) add(called_, operation, calls);
}

void GpuWorker::wait(int operation) {
  if (last_communicator_ < 0) return device_.synchronize();
  communicators_.wait(last_communicator_, device_.stream(),
                      process::name_of_operation(plan_, operation));
}

// ---- collectives ------------------------------------------------------------------------------

void GpuWorker::exchange(int operation, const numeric::Exchange& exchange,
                         const process::CallPlace& place) {
  const Collective call{exchange, static_cast<int>(place.self), place.communicator, place.output};
  carry_out(operation, call, nullptr);
  wait(operation);
  collectives_[operation].push_back(call);
}

void GpuWorker::carry_out(int operation, const Collective& collective, EventLog* log) {
  const auto& [exchange, self, communicator, output] = collective;
  const DeviceHeld own = passed(operation, output);
  DeviceValues working = loaded(device_, exchange, self, own, buffer_elements(exchange, self),
                                element_type(arithmetic_.storage()));
  DeviceValues scratch;
  if (log != nullptr) log->start(operation);
  for (const NcclGroup& group : nccl_groups(exchange, self)) {
    const bool needs_scratch =
        group.before == LocalWork::copy_to_scratch || group.after == LocalWork::copy_to_scratch;
    if (needs_scratch && scratch.element_count() == 0) {
      scratch = DeviceValues(device_, 1, working.element_count(), working.type());
    }
    do_local_work(device_, group.before, working, scratch);
    call(operation, communicator, group.calls, working, scratch);
    do_local_work(device_, group.after, working, scratch);
  }
  if (log != nullptr) log->end();
  if (this->operation(operation).out.empty()) return;
  DeviceHeld received = unloaded(device_, exchange, self, working, own);
  if (exchange.unload_steps(self).is_average) {
    received = arithmetic_.scaled(received, 1.0 / exchange.members());
  }
  tensors_.write(operation, output, rank_, std::move(received));
}

// ---- messages ---------------------------------------------------------------------------------

void GpuWorker::begin_send(int, const process::MessageHalf& half) { sending_ = half; }

// Both halves are one NCCL group, as send_recv() of a serving system is: the rank that has either
// waits for both.
void GpuWorker::end_messages(int operation, const std::optional<Incoming>& incoming) {
  const std::optional<process::MessageHalf> sent = std::exchange(sending_, std::nullopt);
  if (!sent && !incoming) return;
  const std::vector<int>& members =
      *membership(plan_, this->operation(operation).group, rank_).members;
  const auto index_of = [&](int rank) {
    return static_cast<int>(std::ranges::find(members, rank) - members.begin());
  };
  Messages call;
  if (sent) {
    const DeviceHeld own = passed(operation, 0);
    call.communicator = sent->channel.communicator;
    call.out = {index_of(sent->peer), own ? own->values.element_count() : 0};
  }
  if (incoming) {
    call.communicator = incoming->half.channel.communicator;
    call.shape = incoming->shape;
    const std::int64_t elements =
        call.shape.written ? call.shape.rows * numeric::width_of(call.shape.columns) : 0;
    call.in = {index_of(incoming->half.peer), elements};
  }
  carry_out(operation, call, nullptr);
  wait(operation);
  exchanged_.emplace(operation, std::move(call));
}

void GpuWorker::carry_out(int operation, const Messages& messages, EventLog* log) {
  const std::int64_t first = messages.out ? messages.out->elements : 0;
  DeviceValues working(device_, 1, first + (messages.in ? messages.in->elements : 0),
                       element_type(arithmetic_.storage()));
  if (first > 0) copy_elements(device_, passed(operation, 0)->values, working);
  DeviceValues none;
  if (log != nullptr) log->start(operation);
  call(operation, messages.communicator, nccl_calls(messages.out, messages.in), working, none);
  if (log != nullptr) log->end();
  if (!messages.in) return;
  DeviceHeld received;
  const Shape& shape = messages.shape;
  if (shape.written) {
    const std::int64_t width = numeric::width_of(shape.columns);
    received = arithmetic_.made(shape.columns, part_of(device_, working, first, shape.rows, width));
  }
  tensors_.write(operation, 0, rank_, std::move(received));
}

void GpuWorker::receive_own(int operation) {
  tensors_.write(operation, 0, rank_, passed(operation, 0));
}

// ---- again, and timed -------------------------------------------------------------------------

void GpuWorker::enqueue_again(int operation, EventLog& log) {
  const OpKind kind = this->operation(operation).kind;
  if (!communicates(kind)) {
    log.start(operation);
    compute(operation);
    return log.end();
  }
  const auto collective = collectives_.find(operation);
  if (collective != collectives_.end()) {
    for (const Collective& call : collective->second) carry_out(operation, call, &log);
    return;
  }
  const auto messages = exchanged_.find(operation);
  if (messages != exchanged_.end()) carry_out(operation, messages->second, &log);
}

// Without repairs another expert may be chosen than in the run that was judged: the first of the
// runs that are not told asks once more, and the others remember.
std::vector<std::byte> GpuWorker::finish() {
  GpuReport report{called_, device_.memory().use().peak, {}, ""};
  is_noting_ = false;
  tensors_.stop_recording();
  routed_.clear();
  const TimedRank self{device_, rank_,
                       [this](int operation, EventLog& log) { enqueue_again(operation, log); },
                       [this](int operation) { wait(operation); }, how_.meet};
  TimedRuns(plan_, self).run(how_.timed, report);
  device_.synchronize();
  communicators_.close();
  return encode(report);
}

}  // namespace lockstep::nccl
