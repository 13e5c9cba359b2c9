// Who computes: the sizes of a parallel layout, the coordinates of a rank, the process groups.
//
// Section 1 of the reference sheet (SGLang distributed/parallel_state.py and
// layers/dp_attention.py): attention-TP runs fastest inside an attention-DP shard, MoE-TP fastest
// inside an expert-parallel rank.
#pragma once

#include <string>
#include <vector>

#include "sim/base/ids.h"

namespace lockstep {

// The `parallel:` keys of a scenario as the user wrote them (SGLang's flags by name).
struct ParallelFlags {
  int tp_size = 1;
  int dp_size = 1;
  int ep_size = 1;
  int pp_size = 1;
  int attn_cp_size = 1;
  int moe_dp_size = 1;
  int moe_dense_tp_size = 0;  // 0: unset
  bool enable_dp_attention = false;
  bool enable_dp_lm_head = false;
  std::string moe_a2a_backend = "none";

  bool operator==(const ParallelFlags&) const = default;
};

// A layout that can exist: the flags after a serving system accepted (and perhaps changed) them.
// INVARIANT: tp == attn_dp * attn_tp and tp == ep * moe_tp (no context or MoE data parallelism
// yet).
struct Parallel {
  int tp = 1;
  int attn_dp = 1;  // attention replicas by request; 1 without DP attention
  int attn_tp = 1;
  int ep = 1;
  int moe_tp = 1;
  bool dp_attention = false;
  bool dp_lm_head = false;
  bool dense_tp_1 = false;  // moe_dense_tp_size == 1
  std::string a2a = "none";

  int world() const { return tp; }
  int attn_dp_rank(int rank) const { return rank / attn_tp; }
  int attn_tp_rank(int rank) const { return rank % attn_tp; }
  int ep_rank(int rank) const { return rank / moe_tp; }
  int moe_tp_rank(int rank) const { return rank % moe_tp; }
  bool has_a2a() const { return a2a != "none"; }

  bool operator==(const Parallel&) const = default;
};

using GroupId = Id<struct GroupTag>;

// A role (`tp`, `attn_tp`, `moe_ep`, `moe_tp`) and the communicator object that serves it. The
// `parts` partition the ranks; a rank's group is its part, and its index there is its group rank.
struct Group {
  std::string role;
  std::string object;  // role of the group whose object it shares: `tp` where the members coincide
  std::vector<std::vector<int>> parts;

  bool operator==(const Group&) const = default;
};

// The groups of `parallel`, in the order tp, attn_tp, moe_ep, moe_tp. A group with the members of
// TP is the TP object; a part of one rank needs no communicator.
std::vector<Group> build_groups(const Parallel& parallel);

}  // namespace lockstep
