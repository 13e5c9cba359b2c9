#include "sim/program/layouts.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/names.h"
#include "sim/plan/parse_state.h"
#include "sim/plan/validate.h"

namespace lockstep::program {
namespace {

constexpr int kDeepest = 16;
const std::vector<std::string> kNames{"own", "all", "own_max", "all_max", "last", "all_last"};
const std::vector<std::string> kOrders{"contiguous", "zigzag", "round_robin"};

void append_all(RowMap& to, const RowMap& from) {
  for (const RowRun& run : from) append(to, run);
}

}  // namespace

Layouts::Layouts(const Setup& setup, int step, const Node* named, RowNumber number,
                 NodeFaults& faults)
    : setup_(setup),
      step_(setup.steps[static_cast<std::size_t>(step)]),
      named_(named),
      number_(std::move(number)),
      faults_(faults) {}

Rows Layouts::read(const Node& node) {
  if (++depth_ > kDeepest) {
    faults_.add(node, "row layouts refer to each other more than 16 deep");
    --depth_;
    return nothing();
  }
  Rows rows = node.is_sequence() ? written_out(node) : node.is_map() ? from_map(node) : named(node);
  --depth_;
  return limited(std::move(rows), node);
}

// So that a hostile program costs little: what is written out for each rank is counted.
Rows Layouts::limited(Rows rows, const Node& node) {
  std::size_t runs = 0;
  for (const RowMap& map : rows) runs += map.size();
  if (runs <= runs_left_) {
    runs_left_ -= runs;
    return rows;
  }
  faults_.add(node, "this many different rows on this many ranks are not written out");
  return nothing();
}

RowMap Layouts::of_shard(int shard, bool to_largest) const {
  RowMap map;
  append(map, {step_.first_token_of(shard), step_.tokens(shard)});
  std::int64_t rows = step_.rows(shard);
  for (int s = 0; to_largest && s < static_cast<int>(step_.requests.size()); ++s) {
    rows = std::max(rows, step_.rows(s));
  }
  return padded(std::move(map), rows);
}

Rows Layouts::of_every_shard(bool to_largest, bool all) const {
  std::vector<RowMap> shards;
  RowMap joined;
  for (int s = 0; s < static_cast<int>(step_.requests.size()); ++s) {
    shards.push_back(of_shard(s, to_largest));
    append_all(joined, shards.back());
  }
  Rows rows;
  for (const int shard : setup_.shard_of) {
    rows.push_back(all ? joined : shards[static_cast<std::size_t>(shard)]);
  }
  return rows;
}

Rows Layouts::own() const { return of_every_shard(false, false); }

Rows Layouts::last_tokens(bool all) const {
  std::vector<RowMap> shards;
  RowMap joined;
  for (int s = 0; s < static_cast<int>(step_.requests.size()); ++s) {
    std::int64_t end = step_.first_token_of(s);
    RowMap& map = shards.emplace_back();
    for (const int length : step_.requests[static_cast<std::size_t>(s)]) {
      end += length;
      append(map, {end - 1, 1});
    }
    append_all(joined, map);
  }
  Rows rows;
  for (const int shard : setup_.shard_of) {
    rows.push_back(all ? joined : shards[static_cast<std::size_t>(shard)]);
  }
  return rows;
}

Rows Layouts::named(const Node& node) {
  const std::string name = scalar_text(node, faults_);
  if (named_ != nullptr) {
    if (const Node* own = named_->find(name)) return read(*own);
  }
  const auto found = std::ranges::find(kNames, name);
  switch (found - kNames.begin()) {
    case 0:
      return of_every_shard(false, false);
    case 1:
      return of_every_shard(false, true);
    case 2:
      return of_every_shard(true, false);
    case 3:
      return of_every_shard(true, true);
    case 4:
      return last_tokens(false);
    case 5:
      return last_tokens(true);
    default:
      break;
  }
  std::vector<std::string> names = kNames;
  if (named_ != nullptr) {
    for (const Node& key : named_->keys) names.push_back(key.text);
  }
  if (node.is_scalar()) faults_.add_unknown(node, "row layout", name, names);
  return nothing();
}

Rows Layouts::from_map(const Node& node) {
  Fields f(node, faults_);
  Rows rows = nothing();
  if (f.optional("pad") != nullptr) {
    rows = padded_to(f, base(node, "pad"));
  } else if (f.optional("split") != nullptr) {
    rows = split(f, base(node, "split"));
  } else if (f.optional("gather") != nullptr) {
    rows = base(node, "gather");
    if (const Node* over = f.required("over")) {
      const GroupId group = read_group(*over, setup_.groups, faults_);
      if (group.exists()) rows = gathered(rows, setup_.groups[group.index()]);
    }
  } else if (f.optional("take") != nullptr) {
    rows = taken(f, base(node, "take"));
  } else if (f.optional("of_shard") != nullptr) {
    const auto most = static_cast<std::int64_t>(step_.requests.size()) - 1;
    const auto shard = static_cast<int>(f.integer_or("of_shard", 0, 0, most));
    const Node* of = f.required("rows");
    const Rows all = of == nullptr ? nothing() : read(*of);
    const auto holder = std::ranges::find(setup_.shard_of, shard);
    if (holder == setup_.shard_of.end()) faults_.add(node, "no rank has this shard");
    if (holder != setup_.shard_of.end()) {
      rows.assign(rows.size(), all[static_cast<std::size_t>(holder - setup_.shard_of.begin())]);
    }
  } else {
    faults_.add(node, "expected pad, split, gather, take or of_shard");
  }
  f.finish();
  return rows;
}

Rows Layouts::padded_to(Fields& f, Rows rows) {
  const Node* to = f.optional("to");
  const Node* multiple = f.optional("multiple");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const int rank = static_cast<int>(r);
    const auto least = to == nullptr ? 0 : number_(*to, rank, 0);
    const auto unit = multiple == nullptr ? 1 : number_(*multiple, rank, 1);
    if (!least || !unit) return nothing();
    const std::int64_t count = std::max(row_count(rows[r]), *least);
    rows[r] = padded(std::move(rows[r]), (count + *unit - 1) / *unit * *unit);
  }
  return rows;
}

Rows Layouts::split(Fields& f, Rows rows) {
  const Node* over = f.required("over");
  const auto order = static_cast<Order>(f.choice("order", kOrders, 0));
  const GroupId group =
      over == nullptr ? GroupId::none() : read_group(*over, setup_.groups, faults_);
  if (!group.exists()) return nothing();
  Rows parts = nothing();
  for (const std::vector<int>& part : setup_.groups[group.index()].parts) {
    const auto size = static_cast<int>(part.size());
    for (int i = 0; i < size; ++i) {
      const auto rank = static_cast<std::size_t>(part[static_cast<std::size_t>(i)]);
      parts[rank] = part_of(rows[rank], i, size, order);
    }
  }
  return parts;
}

Rows Layouts::taken(Fields& f, Rows rows) {
  const Node* positions = f.required("rows");
  const auto ranges =
      positions == nullptr ? std::nullopt : parse_share_ranges(scalar_text(*positions, faults_));
  if (!ranges) {
    if (positions != nullptr) faults_.add(*positions, "expected positions such as \"0-2,5\"");
    return nothing();
  }
  for (RowMap& map : rows) {
    RowMap part;
    for (const ShareRange& r : *ranges) append_all(part, slice(map, r.first, r.last - r.first));
    map = std::move(part);
  }
  return rows;
}

Rows Layouts::written_out(const Node& list) {
  Rows rows = nothing();
  for (const Node& entry : list.items) {
    Fields f(entry, faults_);
    const Node* ranks = f.required("ranks");
    const Node* runs = f.required("runs");
    f.finish();
    if (ranks == nullptr || runs == nullptr) continue;
    const auto map = parse_row_map(scalar_text(*runs, faults_));
    if (!map) {
      faults_.add(*runs, "expected runs such as \"0-2 pad*1 7\"");
      continue;
    }
    RowMap merged;
    append_all(merged, *map);
    for (const int rank : read_ranks(*ranks, setup_.world, faults_)) {
      rows[static_cast<std::size_t>(rank)] = merged;
    }
  }
  return rows;
}

}  // namespace lockstep::program
