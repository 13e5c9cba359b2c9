// The collectives that serving systems bring themselves: all-reduces in one kernel (one-shot,
// two-shot, multimem), and the dispatch and combine of a mixture of experts. What the constants
// mean as a formula: sim/cost/serving/all_reduce.h and expert_exchange.h.
#pragma once

namespace lockstep {

// One system's all-reduce kernels and its rules for them. Sizes in MiB of one rank's buffer; a
// limit for 2 ranks, for up to 4, and for up to 8.
struct AllReduceConstants {
  double one_shot_us = 0;  // with no bytes, to one peer
  double rank_us = 0;      // for each peer more
  double one_shot_GBps = 0;
  double one_peer_GBps = 0;  // of that, from one peer at most: so much is in flight to one
  double fill_us = 0;        // until the links are full: from 0.5 MB on, in proportion below
  double two_shot_us = 0;
  double two_shot_rank_us = 0;
  double two_shot_GBps = 0;
  double multimem_us = 0;
  double multimem_GBps = 0;
  double eager_us = 0;   // of the host, for one call
  double copy_GBps = 0;  // into the buffer that peers read, of eager calls

  double one_shot_2_MiB = 0;  // at most this size: one-shot
  double one_shot_4_MiB = 0;
  double one_shot_8_MiB = 0;
  double multimem_8_MiB = 0;  // from this size on with 5 to 8 ranks: multimem; 0: never
  double limit_2_MiB = 0;     // above it the call is NCCL's; 0: no such kernel here
  double limit_4_MiB = 0;
  double limit_8_MiB = 0;
  bool operator==(const AllReduceConstants&) const = default;
};

// One kernel that sends rows to experts or brings them back.
struct ExchangeConstants {
  double floor_us = 0;
  double expert_us = 0;      // for each expert: a counter that is cleared, sent and awaited
  double row_us_per_KB = 0;  // from the first byte of a row to its last, through one warp
  double token_us = 0;       // of one SM, for one token of its share
  double link_GBps = 0;      // within a node
  double sm_GBps = 0;        // of one SM that copies; 0: SMs do not limit it
  double network_us = 0;     // more, as soon as there are several nodes
  double nic_GBps = 0;       // of one GPU's NIC
  double overlap_loss = 0;   // 0: the way by NIC and that by NVLink overlap; 1: one after the other
  bool operator==(const ExchangeConstants&) const = default;
};

// Values stand in scenarios/hardware.
struct ServingConstants {
  AllReduceConstants sglang;
  AllReduceConstants vllm;
  AllReduceConstants trtllm;
  double fused_norm_us = 0;  // more than the all-reduce, of one kernel that norms as well

  // DeepEP's low-latency mode: every row to each of its experts.
  ExchangeConstants low_latency_dispatch;
  ExchangeConstants low_latency_combine;
  // DeepEP's normal mode: once to a node, forwarded there, once to a rank.
  ExchangeConstants normal_dispatch;
  ExchangeConstants normal_combine;
  // TensorRT-LLM over NVLink: once to a rank.
  ExchangeConstants one_sided_dispatch;
  ExchangeConstants one_sided_combine;
  double low_latency_tokens = 0;  // of a rank, at most: above it DeepEP's normal mode
  double normal_sms = 0;          // that the normal mode takes
  bool operator==(const ServingConstants&) const = default;
};

}  // namespace lockstep
