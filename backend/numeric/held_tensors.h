// The tensors of a plan that some ranks hold in this process, and the local operations on them, in
// any backend's arithmetic (host_arithmetic.h).
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "backend/numeric/blocks.h"
#include "backend/numeric/rendezvous.h"
#include "backend/numeric/replay.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {

// Which entry of a rank table the result of a local operation depends on.
int rows_key(const Plan& plan, const Operation& op, int rank);
// Whether it depends on more of the rank than that: attention on the rank's cache, slices on its
// place in their group, and a program's function on all rows of an operand that has others than the
// result.
bool depends_on_rank(const Plan& plan, const Operation& op);
// By member of a collective, the rows that each receives of a sum that returns home; none of other
// operations.
std::vector<std::int64_t> home_rows(const Plan& plan, std::span<const Call> calls,
                                    std::size_t output);
// The columns of its operand that a slice_columns takes on `rank`.
Interval slice_of(const Plan& plan, const Operation& op, int rank);

template <class Arithmetic>
class HeldTensors {
 public:
  using Tensor = typename Arithmetic::Tensor;

  // All must outlive it. `record` is told what routers choose.
  HeldTensors(const Plan& plan, const ReplayOptions& options, const Arithmetic& arithmetic,
              PlanReference& reference, RecordChoice record)
      : plan_(plan),
        options_(options),
        a_(arithmetic),
        blocks_(plan, arithmetic, reference, std::move(record)),
        held_(plan.tensors.size() * static_cast<std::size_t>(plan.world)) {}

  // Null if the rank never wrote it.
  const Tensor& at(TensorId tensor, int rank) const { return held_[place(tensor, rank)]; }
  // As memory keeps it: in the storage that is asked for, with garbage where nobody wrote.
  void put(TensorId tensor, int rank, Tensor value) {
    held_[place(tensor, rank)] = a_.as_kept(std::move(value), options_.garbage);
  }
  // Output `output` of `operation` on `rank` is `value`, but for what a test corrupts.
  void write(int operation, std::size_t output, int rank, Tensor value);
  void stop_recording() { blocks_.stop_recording(); }
  // Executes a local operation.
  void compute(int operation, int rank);

 private:
  // The last local result, reused for ranks whose result depends on the same things.
  struct Memo {
    int operation = -1;
    std::vector<Tensor> in;
    int rows = -1;
    std::vector<ShareRange> shares;  // by production, as share_key()
    Tensor out;
  };

  std::size_t place(TensorId tensor, int rank) const {
    return tensor.index() * static_cast<std::size_t>(plan_.world) + static_cast<std::size_t>(rank);
  }
  Tensor local_result(const Operation& op, int rank, std::span<const Tensor> in);

  const Plan& plan_;
  const ReplayOptions& options_;
  Arithmetic a_;
  BasicBlocks<Arithmetic> blocks_;
  std::vector<Tensor> held_;  // by tensor, then rank
  Memo memo_;
};

extern template class HeldTensors<HostArithmetic>;

}  // namespace lockstep::numeric
