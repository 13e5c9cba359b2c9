#include "sim/plan/plan.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr std::array<std::string_view, kOpKinds> kKinds{
    "copy_rows",     "add",         "scale",         "embed",          "norm",
    "qk_statistics", "attention",   "dense",         "router",         "experts",
    "shared_expert", "lm_head",     "all_reduce",    "reduce_scatter", "reduce_scatterv",
    "all_gather",    "all_gatherv", "dispatch",      "combine",        "require",
    "compute",       "linear",      "slice_columns", "reduce",         "broadcast",
    "all_to_all",    "all_to_allv", "send",          "recv",           "send_recv",
    "barrier"};

constexpr std::int64_t kMostColumns = std::int64_t{1} << 24;

// The number that `columns` is; 0: it is none from 1 to kMostColumns.
std::int64_t columns_as_number(const std::string& columns) {
  const auto number = parse_integer(columns);
  return number && *number >= 1 && *number <= kMostColumns ? *number : 0;
}

// As it is written, without the specs it refers to.
Operation without_specs(Operation op) {
  for (Operand& in : op.in) in.expect = SpecId::none();
  for (Output& out : op.out) out.declared = SpecId::none();
  return op;
}

bool equal_specs(const Plan& a, SpecId in_a, const Plan& b, SpecId in_b) {
  if (!in_a.exists() || !in_b.exists()) return in_a == in_b;
  return a.spec(in_a) == b.spec(in_b);
}

bool equal_operations(const Plan& a, const Operation& in_a, const Plan& b, const Operation& in_b) {
  if (without_specs(in_a) != without_specs(in_b)) return false;
  for (std::size_t i = 0; i < in_a.in.size(); ++i) {
    if (!equal_specs(a, in_a.in[i].expect, b, in_b.in[i].expect)) return false;
  }
  for (std::size_t i = 0; i < in_a.out.size(); ++i) {
    if (!equal_specs(a, in_a.out[i].declared, b, in_b.out[i].declared)) return false;
  }
  return true;
}

}  // namespace

std::int64_t row_count(const RowMap& map) {
  std::int64_t count = 0;
  for (const RowRun& run : map) count += run.count;
  return count;
}

bool is_collective(OpKind kind) {
  return (kind >= OpKind::all_reduce && kind <= OpKind::combine) ||
         (kind >= OpKind::reduce && kind <= OpKind::all_to_allv) || kind == OpKind::barrier;
}

bool is_point_to_point(OpKind kind) { return kind >= OpKind::send && kind <= OpKind::send_recv; }

bool communicates(OpKind kind) { return is_collective(kind) || is_point_to_point(kind); }

bool is_nonlinear(OpKind kind) {
  return (kind >= OpKind::embed && kind <= OpKind::lm_head) || kind == OpKind::compute ||
         kind == OpKind::linear;
}

bool sums(OpKind kind) {
  return kind == OpKind::all_reduce || kind == OpKind::reduce || kind == OpKind::reduce_scatter ||
         kind == OpKind::reduce_scatterv || kind == OpKind::combine;
}

bool takes_root(OpKind kind) { return kind == OpKind::reduce || kind == OpKind::broadcast; }

bool takes_sizes(OpKind kind) {
  return kind == OpKind::reduce_scatterv || kind == OpKind::all_gatherv ||
         kind == OpKind::all_to_allv;
}

std::string to_string(OpKind kind) { return std::string(kKinds[static_cast<std::size_t>(kind)]); }

bool is_columns_name(const std::string& columns) {
  return columns == "hidden" || columns == "vocab" || columns == "experts" ||
         columns == "qk_statistics" || columns_as_number(columns) > 0;
}

std::int64_t Plan::column_count(const std::string& columns) const {
  constexpr std::int64_t kVocabPadding = 64;
  constexpr std::int64_t kStatistics = 2;  // of the queries, of the keys
  if (columns == "hidden") return model.hidden_size;
  if (columns == "experts") return model.n_routed_experts;
  if (columns == "qk_statistics") return kStatistics;
  if (const std::int64_t number = columns_as_number(columns); number > 0) return number;
  LOCKSTEP_ASSERT(columns == "vocab");
  return (model.vocab_size + kVocabPadding - 1) / kVocabPadding * kVocabPadding;
}

bool Plan::operator==(const Plan& other) const {
  const auto tables = [](const Plan& p) {
    return std::tie(p.name, p.origin, p.notes, p.unknown, p.model, p.seed, p.world, p.groups,
                    p.layouts, p.moves, p.sizes, p.placements, p.tensors, p.terms, p.closings,
                    p.reasons, p.steps);
  };
  return tables(*this) == tables(other) &&
         std::ranges::equal(operations, other.operations,
                            [&](const Operation& mine, const Operation& theirs) {
                              return equal_operations(*this, mine, other, theirs);
                            });
}

int peer_of(const std::vector<int>& peers, int index) {
  const auto i = static_cast<std::size_t>(index);
  return i < peers.size() ? peers[i] : peers.back();
}

bool executes(const Operation& op, int rank) { return op.ranks.empty() || op.ranks.contains(rank); }

Membership membership(const Plan& plan, GroupId group, int rank) {
  if (!group.exists()) return {};
  for (const std::vector<int>& part : plan.group(group).parts) {
    const auto found = std::ranges::find(part, rank);
    if (found != part.end()) return {static_cast<int>(found - part.begin()), &part};
  }
  return {};
}

ShareRange shares_of(const Plan& plan, const Production& production, int rank) {
  const Membership major = membership(plan, production.major, rank);
  const Membership minor = membership(plan, production.minor, rank);
  const int size = major.members == nullptr ? 1 : static_cast<int>(major.members->size());
  const int per_member = production.units / size;
  const int first = minor.index * production.units + major.index * per_member;
  return {first, first + per_member};
}

ShareRange column_slice(std::int64_t columns, int index, int size) {
  return {static_cast<int>(columns * index / size), static_cast<int>(columns * (index + 1) / size)};
}

}  // namespace lockstep
