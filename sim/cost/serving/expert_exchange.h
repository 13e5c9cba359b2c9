// Dispatch and combine of a mixture of experts: DeepEP in its two modes, and TensorRT-LLM's over
// NVLink.
//
// t tokens of a rank, k experts each of E, rows of b bytes, n ranks on m nodes, all constants of
// ExchangeConstants. Copies of a row that leave a rank, when the router chooses evenly:
//
//   low-latency  one to each expert: k (n/m - 1) / n stay on the node, k (n - n/m) / n leave it
//   normal       one to each other node that holds an expert of it, P(m) (m - 1) / m; there it is
//                forwarded to the ranks: P(n) (n - 1) / n copies over NVLink in all
//   one-sided    one to each rank, P(n) (n - 1) / n, all over NVLink
//
// with P = expected_places (routing.h). Then
//
//   time = floor_us + expert_us E + row_us_per_KB b + token_us t / SMs + [m > 1] network_us
//        + max(near, far) + overlap_loss min(near, far)
//   near = t copies b / min(link_GBps, sm_GBps SMs),  far = t copies b / nic_GBps
//
// SMs of the low-latency mode: one for each expert, at most 128; of the others normal_sms.
#pragma once

#include "sim/cost/collective_call.h"
#include "sim/cost/hardware.h"

namespace lockstep {

// `call.algorithm`: "low-latency", "normal", "one-sided"; "": low-latency up to
// serving.low_latency_tokens, else normal. `call.bytes`: tokens x experts_per_token x b, without
// the scales of FP8 (element_bytes 1), which are added here: 4 bytes for each 128.
// REQUIRES: a dispatch or a combine; experts_per_token <= experts.
CollectiveTime expert_exchange_time(const CollectiveCall& call, const Hardware& hardware);

}  // namespace lockstep
