// A rank's worker on a GPU: tensors in the GPU's memory, local operations on its stream, elements
// through NCCL.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "backend/nccl/device_tensors.h"
#include "backend/nccl/launch/call_list.h"
#include "backend/nccl/launch/communicators.h"
#include "backend/nccl/launch/gpu_report.h"
#include "backend/nccl/timed_runs.h"
#include "backend/process/worker.h"

namespace lockstep::nccl {

struct GpuWorkerOptions {
  std::int64_t weight_budget = 0;  // bytes of weights that are kept in memory
  TimedOptions timed;
  std::function<void()> meet;  // until all ranks are here; of timed runs
};

class GpuWorker : public process::Worker {
 public:
  // All must outlive it.
  GpuWorker(const Plan& plan, const numeric::ReplayOptions& options, int rank, Device& device,
            Communicators& communicators, const GpuWorkerOptions& how);

  numeric::Shape shape(TensorId tensor) override;
  const void* identity(TensorId tensor) override { return tensors_.at(tensor, rank_).get(); }
  numeric::Held value(TensorId tensor) override;
  void put(TensorId tensor, numeric::Held value) override;
  void compute(int operation) override;
  std::vector<numeric::RouterChoice> take_choices() override;
  void exchange(int operation, const numeric::Exchange& exchange,
                const process::CallPlace& place) override;
  void begin_send(int operation, const process::MessageHalf& half) override;
  void end_messages(int operation, const std::optional<Incoming>& incoming) override;
  void receive_own(int operation) override;
  std::map<int, std::int64_t> take_sent_bytes() override { return {}; }
  std::vector<std::byte> finish() override;

 private:
  const Operation& operation(int index) const {
    return plan_.operations[static_cast<std::size_t>(index)];
  }
  // What an operation passes; null: nothing.
  DeviceHeld passed(int operation, std::size_t output) const;
  // What a call of the plan was, so that it can be called again without asking anybody.
  struct Collective {
    numeric::Exchange exchange;
    int self = 0;
    int communicator = 0;
    std::size_t output = 0;
  };
  struct Messages {
    int communicator = 0;
    std::optional<NcclMessage> out;
    std::optional<NcclMessage> in;
    numeric::Shape shape;  // of what comes
  };
  void carry_out(int operation, const Collective& collective, EventLog* log);
  void carry_out(int operation, const Messages& messages, EventLog* log);
  // Enqueues an operation that was executed before, and logs its part on the stream.
  void enqueue_again(int operation, EventLog& log);
  // Issues one group of calls of an operation, and notes them.
  void call(int operation, int communicator, const std::vector<NcclCall>& calls,
            DeviceValues& working, DeviceValues& scratch);
  // Until everything has run that is enqueued, the last call's `operation` being this.
  void wait(int operation);

  const Plan& plan_;
  int rank_;
  Device& device_;
  Communicators& communicators_;
  numeric::Weights weights_;
  numeric::PlanReference reference_;
  RoutedRows routed_;
  DeviceWeights device_weights_;
  DeviceArithmetic arithmetic_;
  std::vector<numeric::RouterChoice> choices_;
  DeviceTensors tensors_;
  std::optional<process::MessageHalf> sending_;
  CallList called_;
  bool is_noting_ = true;                               // calls in called_
  int last_communicator_ = -1;                          // on which something was called; -1: none
  std::map<int, std::vector<Collective>> collectives_;  // by operation, as they were executed
  std::map<int, Messages> exchanged_;
  GpuWorkerOptions how_;
};

}  // namespace lockstep::nccl
