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
  deepseek_v3,
  kimi_k25,
  flashinfer_cutlass,
  modelopt_fp4,
  w4afp8,
  quark,
  other,
};
std::string_view to_string(Symbol symbol);
std::optional<Symbol> parse_symbol(std::string_view name);

enum class ValueType : std::uint8_t { boolean, integer, symbol };

// In one place for reading, writing and describing; rule_input.cc gives each its name and type.
enum class Input : std::uint8_t {
  // Decided by an earlier rule.
  fp4_allgather,
  use_dp_reduce_scatterv,
  returns_over_dp,
  fusion_enabled,
  allreduce_fusion,
  use_reduce_scatter,
  skip_mlp_all_reduce,
  skip_post_experts_all_reduce,
  return_uses_reduce_scatterv,
  return_uses_reduce_scatter,
  shared_experts_fused,
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
  architecture,
  quantization,
  moe_runner,
  n_routed_experts,
  n_shared_experts,
  rs_ok,
  enable_flashinfer_allreduce_fusion,
  enforce_disable_flashinfer_allreduce_fusion,
  disable_shared_experts_fusion,
  disable_flashinfer_cutlass_moe_fp4_allgather,
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

// A value for every input. Booleans are 0 and 1, symbols their number.
class Environment {
 public:
  std::int64_t at(Input input) const { return values_[static_cast<std::size_t>(input)]; }
  bool is(Input input) const { return at(input) != 0; }
  void set(Input input, std::int64_t value) { values_[static_cast<std::size_t>(input)] = value; }
  void set(Input input, Symbol value) { set(input, static_cast<std::int64_t>(value)); }
  // "true", "8", "sum_len".
  std::string text(Input input) const;

 private:
  std::array<std::int64_t, kInputs> values_{};
};

}  // namespace lockstep
