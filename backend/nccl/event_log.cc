#include "backend/nccl/event_log.h"

#include <chrono>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {

void EventLog::begin() {
  used_ = 0;
  note_idle();
}

void EventLog::note_idle() {
  if (!zero_) zero_ = make_event();
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
  if (used_ == entries_.size()) entries_.push_back({operation, make_event(), make_event()});
  entries_[used_].operation = operation;
  record(entries_[used_].start);
}

void EventLog::end() { record(entries_[used_++].end); }

std::vector<OperationTime> EventLog::times() const {
  std::vector<OperationTime> times;
  for (std::size_t i = 0; i < used_; ++i) {
    const Entry& entry = entries_[i];
    times.push_back({entry.operation, zero_us_ + microseconds_between(zero_, entry.start),
                     zero_us_ + microseconds_between(zero_, entry.end)});
  }
  return times;
}

}  // namespace lockstep::nccl
