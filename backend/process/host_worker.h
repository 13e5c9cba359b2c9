// A rank's worker on the CPU: tensors in memory, elements over the mesh.
#pragma once

#include "backend/numeric/held_tensors.h"
#include "backend/process/turn_runner.h"
#include "backend/process/worker.h"

namespace lockstep::process {

class HostWorker : public Worker {
 public:
  // All must outlive it.
  HostWorker(const Plan& plan, const numeric::ReplayOptions& options, int rank, Mesh& mesh);

  numeric::Shape shape(TensorId tensor) override;
  const void* identity(TensorId tensor) override;
  numeric::Held value(TensorId tensor) override;
  void put(TensorId tensor, numeric::Held value) override;
  void compute(int operation) override;
  std::vector<numeric::RouterChoice> take_choices() override;
  // All three: throw what the mesh throws.
  void exchange(int operation, const numeric::Exchange& exchange, const CallPlace& place) override;
  void begin_send(int operation, const MessageHalf& half) override;
  void end_messages(int operation, const std::optional<Incoming>& incoming) override;
  void receive_own(int operation) override;
  std::map<int, std::int64_t> take_sent_bytes() override { return runner_.take_sent_bytes(); }

 private:
  // What `operation` passes; null: nothing.
  numeric::Held passed(int operation, std::size_t output) const;

  const Plan& plan_;
  int rank_;
  numeric::Weights weights_;
  numeric::PlanReference reference_;
  std::vector<numeric::RouterChoice> choices_;
  numeric::HeldTensors<numeric::HostArithmetic> tensors_;
  TurnRunner runner_;
  std::vector<float> sending_;     // what begin_send() was given
  TurnRunner::Outgoing outgoing_;  // as far as it has not left
};

}  // namespace lockstep::process
