// Lines in which all members of a group take part.
#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/names.h"
#include "sim/program/line.h"

namespace lockstep::program {
namespace {

using Sizes = std::vector<std::int64_t>;

struct Call {
  Variable* v = nullptr;
  GroupId group;
  std::string columns;
  Meant meant;  // of the operand
};

// None, with a fault, where operand or group are missing.
std::optional<Call> read_call(Line& line) {
  Variable* v = line.operand();
  const GroupId group = line.group();
  if (v == nullptr || !group.exists()) return std::nullopt;
  return Call{v, group, v->columns, *v->meant};
}

Operation calling(Line& line, OpKind kind, const Call& call, const std::vector<int>& ranks) {
  Operation op = line.operation(kind, ranks);
  op.in = {{call.v->id, {}}};
  op.group = call.group;
  if (sums(kind) && kind != OpKind::combine) {
    op.reduction =
        static_cast<Reduction>(line.fields().choice("reduction", as_list(kReductionNames), 0));
  }
  return op;
}

void finish(Line& line, Operation op, const Call& call, Variable& out, const Meant& meant) {
  line.write(std::move(op), out, call.columns, meant);
}

// What a sum over the group leaves to be summed.
void sum_over(Line& line, const Call& call, Meant& meant) {
  if (meant.partial.exists()) meant.partial = line.expansion().rest(meant.partial, call.group);
}

// The rows that each member gets of `rows`: `counts` by place, from row 0 on.
Rows chunks(Line& line, const Rows& rows, GroupId group, const std::vector<Sizes>& counts) {
  Rows result = rows;
  for (const std::vector<int>& part : line.at(group).parts) {
    std::int64_t first = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto rank = static_cast<std::size_t>(part[i]);
      const std::int64_t count = i < counts[rank].size() ? counts[rank][i] : 0;
      result[rank] = slice(rows[rank], first, count);
      first += count;
    }
  }
  return result;
}

// The sizes list that each rank passes: written out, or the row counts of a layout's members.
std::vector<Sizes> read_sizes(Line& line, GroupId group, const Rows& otherwise) {
  std::vector<Sizes> lists(static_cast<std::size_t>(line.world()));
  const Node* node = line.fields().optional("sizes");
  if (node != nullptr && node->is_sequence()) {
    for (const Node& size : node->items) {
      const std::vector<std::int64_t> by_rank = line.number_by_rank(size, 0, kMostTokens);
      for (std::size_t r = 0; r < lists.size(); ++r) lists[r].push_back(by_rank[r]);
    }
    return lists;
  }
  const Rows rows = node == nullptr ? otherwise : line.expansion().layouts().read(*node);
  for (const std::vector<int>& part : line.at(group).parts) {
    Sizes sizes;
    for (const int member : part)
      sizes.push_back(row_count(rows[static_cast<std::size_t>(member)]));
    for (const int member : part) lists[static_cast<std::size_t>(member)] = sizes;
  }
  return lists;
}

SizesId add_sizes(Line& line, const Sizes& sizes) {
  Expansion& expansion = line.expansion();
  return expansion.builder().sizes(expansion.unique("sizes", "sizes"), sizes);
}

void expand_all_reduce(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  Meant meant = call->meant;
  sum_over(line, *call, meant);
  meant = line.with_overrides(std::move(meant));
  Operation op = calling(line, OpKind::all_reduce, *call, line.ranks());
  finish(line, std::move(op), *call, line.result(*call->v), meant);
}

void expand_rooted(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  const OpKind kind = line.word() == "reduce" ? OpKind::reduce : OpKind::broadcast;
  Meant meant = call->meant;
  if (kind == OpKind::reduce) sum_over(line, *call, meant);
  Variable& out = line.result(*call->v);
  std::vector<std::int64_t> roots(static_cast<std::size_t>(line.world()), 0);
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  if (const Node* root = line.fields().optional("root")) {
    roots = line.number_by_rank(*root, 0, kMost);
  }
  if (kind == OpKind::broadcast) {
    for (const std::vector<int>& part : line.at(call->group).parts) {
      for (const int rank : part) {
        const auto root = static_cast<std::size_t>(roots[static_cast<std::size_t>(rank)]);
        if (root < part.size()) {
          meant.rows[static_cast<std::size_t>(rank)] =
              call->meant.rows[static_cast<std::size_t>(part[root])];
        }
      }
    }
  }
  meant = line.with_overrides(std::move(meant));
  for (const auto& [root, ranks] : line.by_value(roots)) {
    Operation op = calling(line, kind, *call, ranks);
    op.root = static_cast<int>(root);
    finish(line, std::move(op), *call, out, meant);
  }
}

void expand_reduce_scatter(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  std::vector<Sizes> counts(static_cast<std::size_t>(line.world()));
  for (const std::vector<int>& part : line.at(call->group).parts) {
    for (const int rank : part) {
      const auto r = static_cast<std::size_t>(rank);
      counts[r].assign(part.size(),
                       row_count(call->meant.rows[r]) / static_cast<std::int64_t>(part.size()));
    }
  }
  Meant meant = call->meant;
  sum_over(line, *call, meant);
  meant.rows = chunks(line, call->meant.rows, call->group, counts);
  meant = line.with_overrides(std::move(meant));
  Operation op = calling(line, OpKind::reduce_scatter, *call, line.ranks());
  finish(line, std::move(op), *call, line.result(*call->v), meant);
}

void expand_variable(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  const bool scatters = line.word() == "reduce_scatterv";
  const std::vector<Sizes> sizes =
      read_sizes(line, call->group, scatters ? line.expansion().layouts().own() : call->meant.rows);
  Meant meant = call->meant;
  if (scatters) {
    sum_over(line, *call, meant);
    meant.rows = chunks(line, call->meant.rows, call->group, sizes);
  } else {
    meant.rows = gathered(call->meant.rows, line.at(call->group));
  }
  meant = line.with_overrides(std::move(meant));
  Variable& out = line.result(*call->v);
  const OpKind kind = scatters ? OpKind::reduce_scatterv : OpKind::all_gatherv;
  for (const auto& [list, ranks] : line.by_value(sizes)) {
    Operation op = calling(line, kind, *call, ranks);
    op.sizes = add_sizes(line, list);
    finish(line, std::move(op), *call, out, meant);
  }
}

void expand_all_gather(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  Operation op = calling(line, OpKind::all_gather, *call, line.ranks());
  Meant meant = call->meant;
  const std::size_t axis =
      line.fields().choice("axis", as_list(kAxisNames), meant.columns.exists() ? 1 : 0);
  if (axis == 1) {
    op.axis = Axis::columns;
    meant.columns = GroupId::none();
  } else {
    meant.rows = gathered(meant.rows, line.at(call->group));
  }
  meant = line.with_overrides(std::move(meant));
  finish(line, std::move(op), *call, line.result(*call->v), meant);
}

// The rows that come out of an exchange in which member i sends `counts(i, j)` rows to member j.
template <class Counts>
Rows exchanged(Line& line, const Call& call, const Counts& counts) {
  Rows result = call.meant.rows;
  for (const std::vector<int>& part : line.at(call.group).parts) {
    for (std::size_t j = 0; j < part.size(); ++j) {
      RowMap& to = result[static_cast<std::size_t>(part[j])];
      to.clear();
      for (std::size_t i = 0; i < part.size(); ++i) {
        const RowMap& from = call.meant.rows[static_cast<std::size_t>(part[i])];
        std::int64_t first = 0;
        for (std::size_t k = 0; k < j; ++k) first += counts(part, i, k);
        for (const RowRun& run : slice(from, first, counts(part, i, j))) append(to, run);
      }
    }
  }
  return result;
}

void expand_all_to_all(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  Meant meant = call->meant;
  meant.rows =
      exchanged(line, *call, [&](const std::vector<int>& part, std::size_t i, std::size_t) {
        return row_count(call->meant.rows[static_cast<std::size_t>(part[i])]) /
               static_cast<std::int64_t>(part.size());
      });
  meant = line.with_overrides(std::move(meant));
  Operation op = calling(line, OpKind::all_to_all, *call, line.ranks());
  finish(line, std::move(op), *call, line.result(*call->v), meant);
}

void expand_all_to_allv(Line& line) {
  auto call = read_call(line);
  if (!call || line.fields().required("sizes") == nullptr) return;
  const std::vector<Sizes> sizes = read_sizes(line, call->group, call->meant.rows);
  Meant meant = call->meant;
  meant.rows =
      exchanged(line, *call, [&](const std::vector<int>& part, std::size_t i, std::size_t j) {
        const Sizes& list = sizes[static_cast<std::size_t>(part[i])];
        const std::size_t entry = i * part.size() + j;
        return entry < list.size() ? list[entry] : 0;
      });
  meant = line.with_overrides(std::move(meant));
  Variable& out = line.result(*call->v);
  for (const auto& [list, ranks] : line.by_value(sizes)) {
    Operation op = calling(line, OpKind::all_to_allv, *call, ranks);
    op.sizes = add_sizes(line, list);
    finish(line, std::move(op), *call, out, meant);
  }
}

void expand_routed(Line& line) {
  auto call = read_call(line);
  if (!call) return;
  const bool there = line.word() == "dispatch";
  Meant meant = call->meant;
  if (there) {
    meant.rows = gathered(meant.rows, line.at(call->group));
  } else {
    sum_over(line, *call, meant);
    meant.rows = line.expansion().layouts().own();
  }
  meant = line.with_overrides(std::move(meant));
  Operation op = calling(line, there ? OpKind::dispatch : OpKind::combine, *call, line.ranks());
  finish(line, std::move(op), *call, line.result(*call->v), meant);
}

void expand_barrier(Line& line) {
  const GroupId group =
      read_group(line.value(), line.expansion().builder().plan().groups, line.faults());
  if (!group.exists()) return;
  Operation op = line.operation(OpKind::barrier);
  op.group = group;
  line.append(std::move(op));
}

}  // namespace

const std::vector<Word>& collective_words() {
  static const std::vector<Word> words{
      {"all_reduce", expand_all_reduce},    {"reduce", expand_rooted},
      {"broadcast", expand_rooted},         {"reduce_scatter", expand_reduce_scatter},
      {"reduce_scatterv", expand_variable}, {"all_gather", expand_all_gather},
      {"all_gatherv", expand_variable},     {"all_to_all", expand_all_to_all},
      {"all_to_allv", expand_all_to_allv},  {"dispatch", expand_routed},
      {"combine", expand_routed},           {"barrier", expand_barrier}};
  return words;
}

}  // namespace lockstep::program
