#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "backend/numeric/replay.h"
#include "backend/numeric/weight_shapes.h"

namespace lockstep::numeric {
namespace {

// Into how many pieces the plan cuts each dimension, as least common multiples over its operations.
struct Cuts {
  int hidden = 1;
  int heads = 1;
  int dense = 1;
  int expert = 1;
  int shared = 1;
  int vocabulary = 1;
};

void cut(int& into, int pieces) { into = std::lcm(into, std::max(1, pieces)); }

void cut_over(const Plan& plan, GroupId group, const std::string& columns, Cuts& cuts) {
  if (!group.exists()) return;
  for (const std::vector<int>& part : plan.group(group).parts) {
    const auto pieces = static_cast<int>(part.size());
    if (columns == "vocab") cut(cuts.vocabulary, pieces);
    if (columns == "hidden") cut(cuts.hidden, pieces);
  }
}

// Tensors that are cut by columns. A number of columns is the program's own and stays.
void cut_columns(const Plan& plan, Cuts& cuts) {
  for (const Operation& op : plan.operations) {
    for (const Output& out : op.out) {
      const std::string& columns = plan.tensor(out.tensor).columns;
      cut_over(plan, plan.spec(out.declared).columns_over, columns, cuts);
      if (op.kind == OpKind::slice_columns) cut_over(plan, op.group, columns, cuts);
    }
    for (const Operand& in : op.in) {
      if (!in.expect.exists()) continue;
      cut_over(plan, plan.spec(in.expect).columns_over, plan.tensor(in.tensor).columns, cuts);
    }
  }
}

Cuts cuts_of(const Plan& plan) {
  Cuts cuts;
  for (const Operation& op : plan.operations) {
    for (const Production& p : op.produces) {
      const Term& term = plan.term(p.term);
      if (op.kind == OpKind::embed || op.kind == OpKind::norm) cut(cuts.hidden, term.shares);
      if (op.kind == OpKind::attention) cut(cuts.heads, term.shares);
      if (op.kind == OpKind::dense) cut(cuts.dense, term.shares);
      const bool is_shared = op.kind == OpKind::shared_expert || term.kind == TermKind::shared;
      if (is_shared) cut(cuts.shared, term.shares);
      if (op.kind == OpKind::experts && !is_shared) {
        cut(cuts.expert, term.shares / std::max(1, p.units));
      }
    }
  }
  cut_columns(plan, cuts);
  return cuts;
}

std::int64_t tokens_of(const Plan& plan) {
  std::int64_t tokens = 0;
  for (const Step& step : plan.steps) {
    for (const Request& request : step.requests) tokens += request.tokens;
  }
  return tokens;
}

// The smallest multiple of `divisor` that is at least `least`.
int multiple(int divisor, int least) { return (least + divisor - 1) / divisor * divisor; }

// `wanted`, unless the model is smaller already and divides as well.
void shrink(int& dimension, int divisor, int wanted) {
  if (dimension > 0 && dimension < wanted && dimension % divisor == 0) return;
  dimension = wanted;
}

// As few heads as `cuts` ranks can share, and some: with one narrow head an output can be small by
// chance. Where several query heads read a key/value head, two or more still do; and where there
// are more ranks than key/value heads, there still are.
void shrink_heads(Model& m, int cuts) {
  constexpr int kFewest = 4;
  const int kv = static_cast<int>(kv_heads(m));
  const bool grouped = kv < m.num_attention_heads;
  const bool repeated = grouped && cuts > kv && cuts % 2 == 0;
  int heads = multiple(cuts, kFewest);
  int kept_kv = heads;
  if (repeated) {
    kept_kv = cuts / 2;
  } else if (grouped) {
    kept_kv = multiple(cuts, kFewest / 2);
    heads = 2 * kept_kv;
  }
  const bool is_small = m.num_attention_heads > 0 && m.num_attention_heads < heads;
  if (is_small && m.num_attention_heads % cuts == 0) return;
  m.num_attention_heads = heads;
  m.num_key_value_heads = kept_kv;
}

}  // namespace

Plan at_reduced_dimensions(Plan plan) {
  constexpr int kHeadWidth = 4;
  constexpr int kLatentRank = 8;  // less than hidden size, and than the heads together
  constexpr int kWindow = 4;      // fewer than a request's cached positions: it hides some
  constexpr int kVocabularyUnit = 64;
  constexpr std::int64_t kMostWords = 1 << 12;
  const Cuts cuts = cuts_of(plan);
  Model& m = plan.model;
  shrink(m.hidden_size, cuts.hidden, multiple(std::lcm(cuts.hidden, 8), 16));
  shrink_heads(m, cuts.heads);
  if (m.intermediate_size > 0) {
    shrink(m.intermediate_size, cuts.dense, multiple(cuts.dense, std::max(8, 2 * cuts.dense)));
  }
  if (m.moe_intermediate_size > 0) {
    const int shared = cuts.shared / std::gcd(cuts.shared, std::max(1, m.n_shared_experts));
    const int divisor = std::lcm(cuts.expert, shared);
    shrink(m.moe_intermediate_size, divisor, multiple(divisor, std::max(4, 2 * cuts.expert)));
  }
  if (m.shared_expert_intermediate_size > 0) {
    shrink(m.shared_expert_intermediate_size, cuts.shared,
           multiple(cuts.shared, std::max(4, 2 * cuts.shared)));
  }
  const auto words = static_cast<int>(std::min(tokens_of(plan), kMostWords));
  const int unit = std::lcm(cuts.vocabulary, kVocabularyUnit);
  shrink(m.vocab_size, 1, multiple(unit, words));
  m.sliding_window = std::min(m.sliding_window, kWindow);
  for (int* width : {&m.head_dim, &m.v_head_dim, &m.qk_nope_head_dim, &m.qk_rope_head_dim}) {
    *width = std::min(*width, kHeadWidth);
  }
  for (int* rank : {&m.q_lora_rank, &m.kv_lora_rank}) *rank = std::min(*rank, kLatentRank);
  return plan;
}

}  // namespace lockstep::numeric
