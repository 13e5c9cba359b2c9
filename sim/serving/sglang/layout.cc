#include "sim/serving/sglang/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/text.h"

namespace lockstep::sglang {

bool has_dense_layers(const Model& model) {
  for (int layer = 0; layer < model.num_hidden_layers; ++layer) {
    if (!model.is_sparse(layer)) return true;
  }
  return false;
}

namespace {

constexpr int kLargestSize = 65536;  // refuses nonsense before it costs memory

// Backends whose MoE output is complete on the rank's own slice: dispatch, experts, combine.
constexpr std::array<std::string_view, 5> kModelledBackends{"none", "deepep", "mooncake", "nixl",
                                                            "mori"};
constexpr std::array<std::string_view, 5> kOtherBackends{"deepep_v2", "ascend_fuseep", "flashinfer",
                                                         "pplx", "megamoe"};

class Judge {
 public:
  void reject(const std::string& key, std::string message, std::string hint = {}) {
    Diagnostic d;
    d.path = "parallel." + key;
    d.message = std::move(message);
    d.hint = std::move(hint);
    faults.push_back(std::move(d));
  }
  void not_modelled(const std::string& key, std::string_view what) {
    reject(key, fmt::format("{} is not modelled yet", what));
  }

  Diagnostics faults;
};

void check_sizes(const ParallelFlags& flags, Judge& judge) {
  const std::array<std::pair<const char*, int>, 6> sizes{{{"tp_size", flags.tp_size},
                                                          {"dp_size", flags.dp_size},
                                                          {"ep_size", flags.ep_size},
                                                          {"pp_size", flags.pp_size},
                                                          {"attn_cp_size", flags.attn_cp_size},
                                                          {"moe_dp_size", flags.moe_dp_size}}};
  for (const auto& [key, size] : sizes) {
    if (size >= 1 && size <= kLargestSize) continue;
    judge.reject(key, fmt::format("{} must be from 1 to {}, not {}", key, kLargestSize, size));
  }
}

void check_modelled(const ParallelFlags& flags, Judge& judge) {
  if (flags.pp_size > 1) judge.not_modelled("pp_size", "pipeline parallelism (pp_size > 1)");
  if (flags.attn_cp_size > 1) {
    judge.not_modelled("attn_cp_size", "context parallelism (attn_cp_size > 1)");
  }
  if (flags.moe_dp_size > 1) {
    judge.not_modelled("moe_dp_size", "MoE data parallelism (moe_dp_size > 1)");
  }
  if (flags.dp_size > 1 && !flags.enable_dp_attention) {
    judge.not_modelled("dp_size",
                       "plain data parallelism (dp_size > 1 without enable_dp_attention)");
  }
}

void check_backend(const std::string& backend, Judge& judge) {
  if (std::ranges::find(kModelledBackends, backend) != kModelledBackends.end()) return;
  if (std::ranges::find(kOtherBackends, backend) != kOtherBackends.end()) {
    judge.not_modelled("moe_a2a_backend", fmt::format("the all-to-all backend `{}`", backend));
    return;
  }
  std::vector<std::string> names(kModelledBackends.begin(), kModelledBackends.end());
  names.insert(names.end(), kOtherBackends.begin(), kOtherBackends.end());
  const auto near = nearest(backend, names);
  judge.reject("moe_a2a_backend", fmt::format("there is no all-to-all backend `{}`", backend),
               near ? fmt::format("did you mean `{}`?", *near)
                    : fmt::format("the backends are {}", join(names, ", ")));
}

// REQUIRES: all sizes are positive.
void check_attention(const ParallelFlags& flags, const Model& model, Judge& judge) {
  const bool dp_attention = flags.enable_dp_attention && flags.dp_size > 1;
  if (flags.enable_dp_lm_head && !flags.enable_dp_attention && flags.dp_size > 1) {
    judge.reject("enable_dp_lm_head",
                 "SGLang rejects enable_dp_lm_head without enable_dp_attention");
  }
  if (dp_attention && flags.tp_size % flags.dp_size != 0) {
    judge.reject("dp_size",
                 fmt::format("SGLang rejects DP attention where tp_size % dp_size != 0: {} % {}",
                             flags.tp_size, flags.dp_size));
    return;
  }
  const int attn_tp = dp_attention ? flags.tp_size / flags.dp_size : flags.tp_size;
  if (model.num_attention_heads % attn_tp != 0) {
    judge.reject("tp_size", fmt::format("SGLang rejects {} attention heads over an attention-TP "
                                        "size of {}: not a multiple",
                                        model.num_attention_heads, attn_tp));
  }
}

bool has_sparse_layers(const Model& model) {
  for (int layer = 0; layer < model.num_hidden_layers; ++layer) {
    if (model.is_sparse(layer)) return true;
  }
  return false;
}

void check_experts(const ParallelFlags& flags, int ep, const Model& model, Judge& judge) {
  if (flags.tp_size % ep != 0) {
    judge.reject("ep_size", fmt::format("SGLang rejects ep_size {} with tp_size {}: tp_size is not "
                                        "a multiple of it",
                                        ep, flags.tp_size));
    return;
  }
  if (!has_sparse_layers(model)) return;
  if (flags.tp_size > model.n_routed_experts) {
    judge.reject("tp_size", fmt::format("SGLang rejects tp_size {} for {} routed experts",
                                        flags.tp_size, model.n_routed_experts));
  }
  if (model.n_routed_experts % ep != 0) {
    judge.reject("ep_size", fmt::format("{} routed experts are not a multiple of ep_size {}",
                                        model.n_routed_experts, ep));
  }
  const int moe_tp = flags.tp_size / ep;
  if (model.moe_intermediate_size % moe_tp != 0) {
    judge.reject("ep_size", fmt::format("moe_intermediate_size {} is not a multiple of the MoE-TP "
                                        "size {}",
                                        model.moe_intermediate_size, moe_tp));
  }
}

// From #41253 on moe_dense_tp_size may also be tp_size, which is the same as nothing
// (layers/communicator/factories.py@060c48f).
void check_dense(const ParallelFlags& flags, const Model& model, const Revision& revision,
                 Judge& judge) {
  const int dense_tp = flags.moe_dense_tp_size;
  const bool whole = dense_tp == flags.tp_size && revision.includes(41253);
  if (dense_tp != 0 && dense_tp != 1 && !whole) {
    judge.reject("moe_dense_tp_size",
                 fmt::format("SGLang takes 1 or nothing{} at this revision, not {}",
                             revision.includes(41253) ? " or tp_size" : "", dense_tp));
    return;
  }
  if (dense_tp != 1 && has_dense_layers(model) && model.intermediate_size % flags.tp_size != 0) {
    judge.reject("tp_size", fmt::format("intermediate_size {} is not a multiple of tp_size {}",
                                        model.intermediate_size, flags.tp_size));
  }
}

}  // namespace

Result<AcceptedLayout> accept_layout(const ParallelFlags& flags, const Model& model,
                                     const Revision& revision) {
  Judge judge;
  check_sizes(flags, judge);
  if (!judge.faults.empty()) return judge.faults;
  AcceptedLayout accepted;
  Parallel& parallel = accepted.parallel;
  parallel.tp = flags.tp_size;
  parallel.a2a = flags.moe_a2a_backend;
  parallel.ep = parallel.has_a2a() ? flags.tp_size : flags.ep_size;
  check_modelled(flags, judge);
  check_backend(flags.moe_a2a_backend, judge);
  check_attention(flags, model, judge);
  check_experts(flags, parallel.ep, model, judge);
  check_dense(flags, model, revision, judge);
  if (!judge.faults.empty()) return judge.faults;
  parallel.dp_attention = flags.enable_dp_attention && flags.dp_size > 1;
  parallel.dp_lm_head = flags.enable_dp_lm_head && parallel.dp_attention;
  parallel.attn_dp = parallel.dp_attention ? flags.dp_size : 1;
  parallel.attn_tp = parallel.tp / parallel.attn_dp;
  parallel.moe_tp = parallel.tp / parallel.ep;
  parallel.dense_tp_1 = flags.moe_dense_tp_size == 1;
  if (flags.dp_size == 1 && (flags.enable_dp_attention || flags.enable_dp_lm_head)) {
    accepted.notes.push_back("dp_size 1: SGLang switches DP attention and DP lm_head off");
  }
  if (parallel.ep != flags.ep_size) {
    accepted.notes.push_back(fmt::format("moe_a2a_backend {}: SGLang sets ep_size to tp_size ({})",
                                         parallel.a2a, parallel.tp));
  }
  return accepted;
}

}  // namespace lockstep::sglang
