// All ranks of a plan, or one of them, in this process: their tensors, and the operations on them.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/numeric/blocks.h"
#include "backend/numeric/ranks.h"
#include "backend/numeric/replay.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {

// A tensor as memory keeps it: in the storage that is asked for, with garbage where nobody wrote.
Held as_kept(Held value, const ReplayOptions& options);

class LocalRanks : public Ranks {
 public:
  // All must outlive it. `record` is told what routers choose.
  LocalRanks(const Plan& plan, const ReplayOptions& options, Weights& weights,
             PlanReference& reference, RecordChoice record);

  Held held(TensorId tensor, int rank) override;
  void put(TensorId tensor, int rank, Held value) override;
  void arrive(int, const std::vector<int>&) override {}
  void go_on(int, int, bool) override {}
  void compute(int operation, int rank) override;
  void exchange(const std::vector<Call>& calls) override;
  void receive(int operation, int rank, Held sent) override;

  // Output `output` of `operation` on `rank` is `value`, but for what a test corrupts.
  void write(int operation, std::size_t output, int rank, Held value);
  // By member, the rows that each receives of a sum that returns home; none of other operations.
  std::vector<std::int64_t> home_rows(std::span<const Call> calls, std::size_t output) const;

 private:
  // The last local result, reused for ranks whose result depends on the same things.
  struct Memo {
    int operation = -1;
    std::vector<Held> in;
    int rows = -1;
    std::vector<ShareRange> shares;  // by production, as share_key()
    Held out;
  };

  std::size_t place(TensorId tensor, int rank) const;
  Held local_result(const Operation& op, int rank, std::span<const Held> in);
  int rows_key(const Operation& op, int rank) const;
  bool depends_on_rank(const Operation& op) const;
  std::vector<Held> exchanged(const std::vector<Call>& calls, std::size_t output);

  const Plan& plan_;
  const ReplayOptions& options_;
  PlanReference& reference_;
  Blocks blocks_;
  std::vector<Held> held_;  // by tensor, then rank
  Memo memo_;
};

}  // namespace lockstep::numeric
