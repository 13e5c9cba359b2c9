// When each operation of a rank began and ended on its GPU, by CUDA events.
#pragma once

#include <vector>

#include "backend/nccl/cuda_graph.h"
#include "backend/nccl/device.h"
#include "backend/nccl/launch/gpu_report.h"

namespace lockstep::nccl {

// Events are made once and used again. One log at a time is filled, in the order of the stream.
class EventLog {
 public:
  // The device must outlive it.
  explicit EventLog(Device& device) : device_(device) {}
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Forgets what was logged.
  void begin();
  // The time of the host's clock at which the device is idle is noted: all times of what runs from
  // now on are told on that clock, which the processes of a host share. Waits for the device.
  void note_idle();
  // The events that follow are captured into a CUDA graph, and are recorded when it runs.
  void set_captured(bool is_captured) { is_captured_ = is_captured; }
  // The operation's part on the stream is what is enqueued between these two.
  void start(int operation);
  void end();
  // In the order of start(). REQUIRES: the device has run it all.
  std::vector<OperationTime> times() const;

 private:
  struct Entry {
    int operation = 0;
    Event start;
    Event end;
  };

  void record(const Event& event);

  Device& device_;
  Event zero_;
  double zero_us_ = 0;  // on the host's clock
  std::vector<Entry> entries_;
  std::size_t used_ = 0;
  bool is_captured_ = false;
};

}  // namespace lockstep::nccl
