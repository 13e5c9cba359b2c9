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

// As in the preset hgx-h200.
struct ServingConstants {
  AllReduceConstants sglang{.one_shot_us = 2.45,
                            .rank_us = 0.133,
                            .one_shot_GBps = 317,
                            .one_peer_GBps = 317,
                            .fill_us = 0.373,
                            .two_shot_us = 3.12,
                            .two_shot_rank_us = 0.691,
                            .two_shot_GBps = 303,
                            .multimem_us = 8.8,
                            .multimem_GBps = 240,
                            .eager_us = 29.8,
                            .copy_GBps = 1190,
                            .one_shot_2_MiB = 16,
                            .one_shot_4_MiB = 0.375,
                            .one_shot_8_MiB = 0.15625,
                            .multimem_8_MiB = 0,
                            .limit_2_MiB = 16,
                            .limit_4_MiB = 16,
                            .limit_8_MiB = 16};
  AllReduceConstants vllm{.one_shot_us = 4.41,
                          .rank_us = 0.061,
                          .one_shot_GBps = 290,
                          .one_peer_GBps = 243,
                          .fill_us = 0,
                          .two_shot_us = 6.77,
                          .two_shot_rank_us = 0.301,
                          .two_shot_GBps = 290,
                          .multimem_us = 8.8,
                          .multimem_GBps = 240,
                          .eager_us = 20.8,
                          .copy_GBps = 2670,
                          .one_shot_2_MiB = 64,
                          .one_shot_4_MiB = 0.4999,
                          .one_shot_8_MiB = 0.2499,
                          .multimem_8_MiB = 0.25,
                          .limit_2_MiB = 64,
                          .limit_4_MiB = 32,
                          .limit_8_MiB = 64};
  AllReduceConstants trtllm{.one_shot_us = 2.74,
                            .rank_us = 0.0851,
                            .one_shot_GBps = 305,
                            .one_peer_GBps = 305,
                            .fill_us = 0,
                            .two_shot_us = 3.12,
                            .two_shot_rank_us = 0.691,
                            .two_shot_GBps = 303,
                            .multimem_us = 8.8,
                            .multimem_GBps = 240,
                            .eager_us = 20.8,
                            .copy_GBps = 2670,
                            .one_shot_2_MiB = 4,
                            .one_shot_4_MiB = 0.5,
                            .one_shot_8_MiB = 0.5,
                            .multimem_8_MiB = 0,
                            .limit_2_MiB = 4,
                            .limit_4_MiB = 0.5,
                            .limit_8_MiB = 0.5};
  double fused_norm_us = 2.6;  // more than the all-reduce, of one kernel that norms as well

  // DeepEP's low-latency mode: every row to each of its experts.
  ExchangeConstants low_latency_dispatch{.floor_us = 5.4,
                                         .expert_us = 0.0121,
                                         .row_us_per_KB = 0.0985,
                                         .token_us = 2.01,
                                         .link_GBps = 286,
                                         .sm_GBps = 0,
                                         .network_us = 9.43,
                                         .nic_GBps = 48,
                                         .overlap_loss = 0};
  ExchangeConstants low_latency_combine{.floor_us = 8.47,
                                        .expert_us = 0.00363,
                                        .row_us_per_KB = 0.112,
                                        .token_us = 0,
                                        .link_GBps = 223,
                                        .sm_GBps = 0,
                                        .network_us = 15.1,
                                        .nic_GBps = 48,
                                        .overlap_loss = 0};
  // DeepEP's normal mode: once to a node, forwarded there, once to a rank.
  ExchangeConstants normal_dispatch{.floor_us = 26.4,
                                    .expert_us = 0,
                                    .row_us_per_KB = 0.133,
                                    .token_us = 0.343,
                                    .link_GBps = 332,
                                    .sm_GBps = 18.1,
                                    .network_us = 0.73,
                                    .nic_GBps = 47,
                                    .overlap_loss = 0.611};
  ExchangeConstants normal_combine{.floor_us = 24.1,
                                   .expert_us = 0,
                                   .row_us_per_KB = 1.62,
                                   .token_us = 0.567,
                                   .link_GBps = 320,
                                   .sm_GBps = 17.8,
                                   .network_us = 3.03,
                                   .nic_GBps = 47,
                                   .overlap_loss = 1};
  // TensorRT-LLM over NVLink: once to a rank.
  ExchangeConstants one_sided_dispatch{.floor_us = 18.1,
                                       .expert_us = 0,
                                       .row_us_per_KB = 0,
                                       .token_us = 0.01,
                                       .link_GBps = 280,
                                       .sm_GBps = 0,
                                       .network_us = 0,
                                       .nic_GBps = 48,
                                       .overlap_loss = 0};
  ExchangeConstants one_sided_combine{.floor_us = 20.7,
                                      .expert_us = 0,
                                      .row_us_per_KB = 0.452,
                                      .token_us = 0.01,
                                      .link_GBps = 280,
                                      .sm_GBps = 0,
                                      .network_us = 0,
                                      .nic_GBps = 48,
                                      .overlap_loss = 0};
  double low_latency_tokens = 128;  // of a rank, at most: above it DeepEP's normal mode
  double normal_sms = 24;           // that the normal mode takes
  bool operator==(const ServingConstants&) const = default;
};

}  // namespace lockstep
