#include "backend/nccl/event_log.h"

#include <chrono>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {

EventLog::Event EventLog::make() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "making an event");
  return Event(event);
}

void EventLog::begin() {
  used_ = 0;
  note_idle();
}

void EventLog::note_idle() {
  if (!zero_) zero_ = make();
  device_.synchronize();
  check(cudaEventRecord(zero_.get(), device_.stream()), "recording an event");
  check(cudaEventSynchronize(zero_.get()), "waiting for an event");
  const std::chrono::duration<double, std::micro> now =
      std::chrono::steady_clock::now().time_since_epoch();
  zero_us_ = now.count();
}

void EventLog::record(const Event& event) {
  const unsigned flags = is_captured_ ? cudaEventRecordExternal : cudaEventRecordDefault;
  check(cudaEventRecordWithFlags(event.get(), device_.stream(), flags), "recording an event");
}

void EventLog::start(int operation) {
  if (used_ == entries_.size()) entries_.push_back({operation, make(), make()});
  entries_[used_].operation = operation;
  record(entries_[used_].start);
}

void EventLog::end() { record(entries_[used_++].end); }

double EventLog::elapsed_us(const Event& event) const {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, zero_.get(), event.get()), "reading an event");
  return static_cast<double>(milliseconds) * 1000.0;
}

std::vector<OperationTime> EventLog::times() const {
  std::vector<OperationTime> times;
  for (std::size_t i = 0; i < used_; ++i) {
    const Entry& entry = entries_[i];
    times.push_back(
        {entry.operation, zero_us_ + elapsed_us(entry.start), zero_us_ + elapsed_us(entry.end)});
  }
  return times;
}

}  // namespace lockstep::nccl
