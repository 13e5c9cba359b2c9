// The names that a rule may read, their types, and the values they have in one situation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// Named values, such as `padding == max_len`.
enum class Symbol : std::uint8_t {
  none,
  max_len,
  sum_len,
  dense,
  sparse,
  scattered,
  tp_attn_full,
  full,
  deepep,
  mooncake,
  nixl,
  mori,
  ampere,
  hopper,
  blackwell,
  flashinfer_cutlass,
  modelopt_fp4,
  w4afp8,
  quark,
  other,
  automatic,
  ar,
  rs,
  rsv,
  rs_rsv,
};
std::string_view to_string(Symbol symbol);
std::optional<Symbol> parse_symbol(std::string_view name);

enum class ValueType : std::uint8_t { boolean, integer, symbol };

// In one place for reading, writing and describing; rule_input.cc gives each its name and type.
enum class Input : std::uint8_t {
  // Decided by an earlier rule.
  supports_dp_attention,
  supports_dense_tp_1,
  on_fusion_list,
  rs_ok,
  fp4_allgather,
  use_dp_reduce_scatterv,
  returns_over_dp,
  boundary_permits_rs,
  boundary_permits_rsv,
  return_uses_reduce_scatterv,
  return_uses_reduce_scatter,
  fusion_enabled,
  use_reduce_scatter,
  allreduce_fusion,
  sum_moves_to_next_layer,
  return_moves_to_next_layer,
  deferred_sum_covers_moe_tp,
  declined_kernel_still_reduces,
  fused_kernel_declines,
  boundary_completes_sum,
  skip_mlp_all_reduce,
  sums_experts_over_tp,
  sums_experts_over_moe_ep,
  sums_experts_over_moe_tp,
  skip_post_experts_all_reduce,
  skip_moe_ep_all_reduce,
  skip_moe_tp_all_reduce,
  shared_experts_fused,
  shared_experts_on_one_rank,
  shared_experts_on_second_stream,
  embedding_sharded,
  // Facts.
  padding,
  is_extend,
  cuda_graph,
  rows,
  layer,
  last_layer,
  kind,
  mlp_mode,
  output_mode,
  rank,
  dp_rank,
  attn_tp_rank,
  tp,
  attn_dp,
  attn_tp,
  ep,
  moe_tp,
  dp_attention,
  dp_lm_head,
  dense_tp_1,
  a2a,
  gpu,
  nodes,
  mla,
  quantization,
  moe_runner,
  n_routed_experts,
  n_shared_experts,
  boundary_reduction,
  deterministic,
  enable_flashinfer_allreduce_fusion,
  enforce_disable_flashinfer_allreduce_fusion,
  disable_shared_experts_fusion,
  disable_flashinfer_cutlass_moe_fp4_allgather,
  shared_expert_tp1,
  built_in,  // written `default`: what the rule says at this revision without the override
  count,
};
inline constexpr std::size_t kInputs = static_cast<std::size_t>(Input::count);

struct InputInfo {
  std::string_view name;
  ValueType type = ValueType::boolean;
  std::span<const Symbol> domain;  // of a symbol: the values it can have
  std::string_view meaning;
};
const InputInfo& info(Input input);
std::optional<Input> parse_input(std::string_view name);
// Names of all inputs, then of all symbols: candidates for a misspelt name.
std::vector<std::string> known_names();

// A value that nobody knows, Kleene's third beside true and false: `unknown or true` is true,
// `unknown and false` is false, and whatever else depends on it is unknown too.
inline constexpr std::int64_t kUnknown = -1;

// A value for every input. Booleans are 0 and 1, symbols their number; any may be kUnknown.
class Environment {
 public:
  std::int64_t at(Input input) const { return values_[static_cast<std::size_t>(input)]; }
  // REQUIRES of is(): the value is known where what follows depends on it.
  bool is(Input input) const { return at(input) != 0; }
  bool is_unknown(Input input) const { return at(input) == kUnknown; }
  void set(Input input, std::int64_t value) { values_[static_cast<std::size_t>(input)] = value; }
  void set(Input input, Symbol value) { set(input, static_cast<std::int64_t>(value)); }
  // "true", "8", "sum_len".
  std::string text(Input input) const;

 private:
  std::array<std::int64_t, kInputs> values_{};
};

}  // namespace lockstep
