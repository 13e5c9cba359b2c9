// The ranks of a plan as the observer sees them: each in a process of its own, that shows what it
// holds before each operation and waits to be let on.
#pragma once

#include <functional>
#include <vector>

#include "backend/numeric/ranks.h"
#include "backend/process/messages.h"

namespace lockstep::process {

// The tensors that `rank` shows before `operation`, with values where the plan owes something: the
// operands of obligations; of a call, the rows that are passed.
struct ToShow {
  TensorId tensor;
  bool with_values = false;
};
std::vector<ToShow> to_show(const Plan& plan, int operation);

// Tensors in which `rank` holds a part of a sum that is judged at an operation it does not execute.
// It shows them whenever it has written them.
std::vector<TensorId> watched(const Plan& plan, int rank);

class RemoteRanks : public numeric::Ranks {
 public:
  struct Line {
    std::function<Arrival(int rank)> receive;  // the rank's next message
    std::function<void(int rank, const GoOn&)> send;
    std::function<void(const numeric::RouterChoice&)> record;
  };
  // `plan` and `options` must outlive it.
  RemoteRanks(const Plan& plan, const numeric::ReplayOptions& options, Line line);

  numeric::Held held(TensorId tensor, int rank) override;
  void put(TensorId tensor, int rank, numeric::Held value) override;
  void arrive(int operation, const std::vector<int>& ranks) override;
  void go_on(int operation, int rank, bool may_change) override;
  void compute(int operation, int rank) override;
  void exchange(const std::vector<numeric::Call>& calls) override;
  void receive(int operation, int rank, numeric::Held sent) override;

  // The ranks that are through with the plan leave.
  void dismiss(const std::vector<int>& ranks);

 private:
  struct Known {
    bool current = false;  // the rank has shown it since it last wrote it
    bool has_values = false;
    numeric::Held held;
  };
  struct Remote {
    int arrived = -1;   // the operation of its last message
    bool is_on = true;  // it has been let on since
    bool is_held_back = false;
    std::vector<Shown> repaired;  // since it was last let on
    std::vector<TensorId> watched;
  };

  Known& known(TensorId tensor, int rank);
  void hear(int rank);
  void let_on(int rank);
  void forget_outputs(int operation, int rank);
  bool leaves_as_it_was(const std::vector<numeric::Call>& calls, std::size_t member) const;

  const Plan& plan_;
  const numeric::ReplayOptions& options_;
  Line line_;
  numeric::Held unknown_;     // stands for what nobody has shown
  std::vector<Known> known_;  // by tensor, then rank
  std::vector<Remote> remotes_;
};

}  // namespace lockstep::process
