// What a rank computes with: its tensors, the local operations on them, and how elements travel
// between ranks. On the CPU and over the mesh: host_worker.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "backend/numeric/exchange.h"
#include "backend/numeric/reference.h"
#include "backend/process/channels.h"
#include "sim/plan/plan.h"

namespace lockstep::process {

// One output of one call of a collective, and who takes part in it.
struct CallPlace {
  const std::vector<int>& members;  // of the mesh, in group order
  std::size_t self = 0;             // the place of this process among them
  int communicator = 0;
  std::uint64_t call = 0;  // its number on the communicator
  std::size_t output = 0;
};

// One half of a point-to-point call: its peer, and the number of the message on its channel.
struct MessageHalf {
  int peer = -1;
  MessageChannel channel;
  std::uint64_t number = 0;
};

class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;

  virtual numeric::Shape shape(TensorId tensor) = 0;
  // Changes when the tensor is written.
  virtual const void* identity(TensorId tensor) = 0;
  virtual numeric::Held value(TensorId tensor) = 0;
  virtual void put(TensorId tensor, numeric::Held value) = 0;

  // Executes a local operation.
  virtual void compute(int operation) = 0;
  // What routers have chosen since the last call.
  virtual std::vector<numeric::RouterChoice> take_choices() = 0;

  // The member's part in one output of a collective of `operation`.
  virtual void exchange(int operation, const numeric::Exchange& exchange,
                        const CallPlace& place) = 0;
  // Begins to send what `operation` passes, before anything is known of the counterpart; no half
  // waits for the other, so that their peers need not wait for each other either.
  virtual void begin_send(int operation, const MessageHalf& half) = 0;
  struct Incoming {
    MessageHalf half;
    numeric::Shape shape;
  };
  // Ends what was begun, and takes what comes, of the shape that the peer has said, into what
  // `operation` writes.
  virtual void end_messages(int operation, const std::optional<Incoming>& incoming) = 0;
  // A rank's call to itself: `operation` writes what it passes.
  virtual void receive_own(int operation) = 0;
  // The rank is through with the plan, and nobody waits for it: what else it wants to do, and what
  // it tells the coordinator of it, in a form that its backend knows.
  virtual std::vector<std::byte> finish() { return {}; }

  // Bytes of elements sent since the last call, by peer, where the worker knows.
  virtual std::map<int, std::int64_t> take_sent_bytes() = 0;
};

}  // namespace lockstep::process
