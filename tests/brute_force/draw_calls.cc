// Collectives.
#include <algorithm>
#include <numeric>

#include "tests/brute_force/program_draws.h"

namespace lockstep::test {
namespace {

Tokens& rows_on(Live& live, int rank) { return live.rows[static_cast<std::size_t>(rank)]; }
const Tokens& rows_on(const Live& live, int rank) {
  return live.rows[static_cast<std::size_t>(rank)];
}

bool is_partial(const Live& live) { return live.partial.exists(); }
bool is_whole(const Live& live) { return live.whole(); }

// `total` cut into `count` random pieces, some of them empty.
std::vector<std::int64_t> pieces(ProgramWriter& w, std::size_t total, std::size_t count) {
  std::vector<std::int64_t> sizes(count, 0);
  for (std::size_t i = 0; i < total; ++i)
    ++sizes[static_cast<std::size_t>(w.below(static_cast<int>(count)))];
  return sizes;
}

Tokens slice(const Tokens& rows, std::int64_t first, std::int64_t count) {
  return {rows.begin() + first, rows.begin() + first + count};
}

// One line for each part, as lists that differ between parts need.
void per_part(Bench& bench, OpKind kind, GroupId group, const Live& from, const Live& to,
              const std::vector<std::vector<std::int64_t>>& sizes,
              Reduction reduction = Reduction::sum) {
  ProgramWriter& w = bench.w;
  const bool alike = std::ranges::all_of(sizes, [&](const auto& s) { return s == sizes.front(); });
  const bool once = !takes_sizes(kind) || alike;
  for (std::size_t i = 0; i < (once ? 1 : sizes.size()); ++i) {
    const SizesId table = takes_sizes(kind) ? w.sizes(sizes[i]) : SizesId::none();
    Operation& op = w.add(kind, from, to);
    op.group = group;
    op.sizes = table;
    op.reduction = reduction;
    if (!once) op.ranks = RankSet::of(w.parts(group)[i]);
  }
}

Live result_of(Bench& bench, const Live& from) {
  Live to = from;
  to.zero_padding = false;
  to.tensor = bench.w.tensor(from.columns);
  return to;
}

}  // namespace

bool draw_all_reduce(Bench& bench) {
  ProgramWriter& w = bench.w;
  Live* from = pick(bench, is_partial);
  if (from == nullptr) return false;
  Live to = w.chance(1, 2) ? *from : result_of(bench, *from);
  to.partial = GroupId::none();
  to.zero_padding = false;
  const int size = w.size(from->partial);
  const bool average = bench.later_kinds && from->combine == Reduction::sum && w.chance(1, 6);
  Operation& op = w.add(OpKind::all_reduce, *from, to);
  op.group = from->partial;
  op.reduction = average ? Reduction::average : from->combine;
  if (average) w.add(OpKind::scale, to, to).factor = size;
  if (to.tensor == from->tensor) {
    *from = std::move(to);
  } else {
    bench.live.push_back(std::move(to));
  }
  return true;
}

// What all hold, reduced: so many times itself, or itself.
bool draw_repeated_sum(Bench& bench) {
  ProgramWriter& w = bench.w;
  const GroupId group = w.any_group();
  Live* from = pick(bench, [&](const Live& l) { return l.whole() && w.same_in_parts(l, group); });
  if (from == nullptr) return false;
  Live to = result_of(bench, *from);
  constexpr Reduction kReductions[] = {Reduction::sum, Reduction::average, Reduction::max};
  const Reduction reduction = bench.later_kinds ? kReductions[w.below(3)] : Reduction::sum;
  Operation& op = w.add(OpKind::all_reduce, *from, to);
  op.group = group;
  op.reduction = reduction;
  if (reduction == Reduction::sum) {
    w.add(OpKind::scale, to, to).factor = Rational(1, w.size(group));
  }
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_scatter(Bench& bench) {
  ProgramWriter& w = bench.w;
  constexpr OpKind kKinds[] = {OpKind::reduce_scatter, OpKind::reduce_scatterv, OpKind::combine};
  const OpKind kind = kKinds[w.below(3)];
  const Live* from = pick(bench, [&](const Live& l) {
    return is_partial(l) && (kind != OpKind::combine || l.combine == Reduction::sum);
  });
  if (from == nullptr) return false;
  const GroupId group = from->partial;
  const Reduction reduction = from->combine;
  Live to = result_of(bench, *from);
  to.partial = GroupId::none();
  std::vector<std::vector<std::int64_t>> sizes;
  for (const std::vector<int>& part : w.parts(group)) {
    const Tokens& rows = rows_on(*from, part.front());
    std::vector<std::int64_t> cut = pieces(w, rows.size(), part.size());
    if (kind == OpKind::reduce_scatter) {
      if (rows.size() % part.size() != 0) return false;
      cut.assign(part.size(), static_cast<std::int64_t>(rows.size() / part.size()));
    }
    std::int64_t first = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      rows_on(to, part[i]) = slice(rows, first, cut[i]);
      first += cut[i];
    }
    sizes.push_back(std::move(cut));
  }
  const bool plain = kind == OpKind::combine;
  per_part(bench, kind, group, *from, to, sizes, plain ? Reduction::sum : reduction);
  bench.live.push_back(std::move(to));
  return true;
}

// A sum to one member, which tells the others.
bool draw_rooted(Bench& bench) {
  ProgramWriter& w = bench.w;
  Live* from = pick(bench, is_partial);
  if (from == nullptr) return false;
  const GroupId group = from->partial;
  const int root = w.below(w.size(group));
  Live to = w.chance(1, 2) ? *from : result_of(bench, *from);
  to.partial = GroupId::none();
  to.zero_padding = false;
  Operation& op = w.add(OpKind::reduce, *from, to);
  op.group = group;
  op.root = root;
  op.reduction = from->combine;
  if (w.chance(1, 2)) {
    std::vector<int> roots;
    for (const std::vector<int>& part : w.parts(group)) {
      roots.push_back(part[static_cast<std::size_t>(root)]);
    }
    const SpecId owed = w.spec(to);
    Operation& require = w.add(OpKind::require);
    require.in = {{to.tensor, owed}};
    require.ranks = RankSet::of(roots);
  }
  Operation& tell = w.add(OpKind::broadcast, to, to);
  tell.group = group;
  tell.root = root;
  if (to.tensor == from->tensor) {
    *from = std::move(to);
  } else {
    bench.live.push_back(std::move(to));
  }
  return true;
}

bool draw_broadcast(Bench& bench) {
  ProgramWriter& w = bench.w;
  const GroupId group = w.any_group();
  const Live* from =
      pick(bench, [&](const Live& l) { return l.whole() && w.equal_counts(l, group); });
  if (from == nullptr) return false;
  Live to = result_of(bench, *from);
  const int root = w.below(w.size(group));
  for (const std::vector<int>& part : w.parts(group)) {
    for (const int rank : part) {
      rows_on(to, rank) = rows_on(*from, part[static_cast<std::size_t>(root)]);
    }
  }
  Operation& op = w.add(OpKind::broadcast, *from, to);
  op.group = group;
  op.root = root;
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_gather(Bench& bench) {
  ProgramWriter& w = bench.w;
  constexpr OpKind kKinds[] = {OpKind::all_gather, OpKind::all_gatherv, OpKind::dispatch};
  const OpKind kind = kKinds[w.below(3)];
  const GroupId group = w.any_group();
  const Live* from = pick(bench, [&](const Live& l) {
    return l.whole() && (kind != OpKind::all_gather || w.equal_counts(l, group));
  });
  if (from == nullptr) return false;
  Live to = result_of(bench, *from);
  std::vector<std::vector<std::int64_t>> sizes;
  for (const std::vector<int>& part : w.parts(group)) {
    Tokens all;
    std::vector<std::int64_t> counts;
    for (const int rank : part) {
      const Tokens& own = rows_on(*from, rank);
      all.insert(all.end(), own.begin(), own.end());
      counts.push_back(static_cast<std::int64_t>(own.size()));
    }
    if (all.size() > kMostRows) return false;
    for (const int rank : part) rows_on(to, rank) = all;
    sizes.push_back(std::move(counts));
  }
  per_part(bench, kind, group, *from, to, sizes);
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_gather_columns(Bench& bench) {
  ProgramWriter& w = bench.w;
  const Live* from =
      pick(bench, [&](const Live& l) { return l.sliced.exists() && w.same_in_parts(l, l.sliced); });
  if (from == nullptr) return false;
  Live to = result_of(bench, *from);
  to.sliced = GroupId::none();
  Operation& op = w.add(OpKind::all_gather, *from, to);
  op.group = from->sliced;
  op.axis = Axis::columns;
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_all_to_all(Bench& bench) {
  ProgramWriter& w = bench.w;
  const GroupId group = w.any_group();
  const bool equal = w.chance(1, 2);
  const auto n = static_cast<std::size_t>(w.size(group));
  const Live* from = pick(bench, [&](const Live& l) {
    return is_whole(l) && (!equal || (w.equal_counts(l, group) &&
                                      std::ranges::all_of(l.rows, [&](const Tokens& rows) {
                                        return rows.size() % n == 0;
                                      })));
  });
  if (from == nullptr) return false;
  Live to = result_of(bench, *from);
  for (Tokens& rows : to.rows) rows.clear();
  std::vector<std::vector<std::int64_t>> sizes;
  for (const std::vector<int>& part : w.parts(group)) {
    std::vector<std::int64_t> square;
    for (const int rank : part) {
      const Tokens& rows = rows_on(*from, rank);
      std::vector<std::int64_t> cut = pieces(w, rows.size(), n);
      if (equal) cut.assign(n, static_cast<std::int64_t>(rows.size() / n));
      std::int64_t first = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const Tokens sent = slice(rows, first, cut[j]);
        rows_on(to, part[j]).insert(rows_on(to, part[j]).end(), sent.begin(), sent.end());
        first += cut[j];
      }
      square.insert(square.end(), cut.begin(), cut.end());
    }
    sizes.push_back(std::move(square));
  }
  const OpKind kind = equal ? OpKind::all_to_all : OpKind::all_to_allv;
  per_part(bench, kind, group, *from, to, sizes);
  bench.live.push_back(std::move(to));
  return true;
}

bool draw_barrier(Bench& bench) {
  const GroupId group = bench.w.any_group();
  bench.w.add(OpKind::barrier).group = group;
  return true;
}

// ---- point to point ---------------------------------------------------------------------------

namespace {

RankSet members_at(ProgramWriter& w, GroupId group, int index) {
  std::vector<int> ranks;
  for (const std::vector<int>& part : w.parts(group)) {
    ranks.push_back(part[static_cast<std::size_t>(index)]);
  }
  return RankSet::of(ranks);
}

}  // namespace

// From one member to another, over what it has or into a tensor of its own.
bool draw_send(Bench& bench) {
  ProgramWriter& w = bench.w;
  const GroupId group = w.any_group();
  const int n = w.size(group);
  Live* from = pick(bench, is_whole);
  if (from == nullptr || n < 2) return false;
  const int sender = w.below(n);
  const int receiver = (sender + 1 + w.below(n - 1)) % n;
  const bool in_place = w.chance(1, 2);
  Live to = in_place ? *from : result_of(bench, *from);
  for (const std::vector<int>& part : w.parts(group)) {
    rows_on(to, part[static_cast<std::size_t>(receiver)]) =
        rows_on(*from, part[static_cast<std::size_t>(sender)]);
  }
  Operation& send = w.add(OpKind::send);
  send.in = {{from->tensor, SpecId::none()}};
  send.group = group;
  send.to = {receiver};
  send.ranks = members_at(w, group, sender);
  const SpecId declared = w.spec(to);
  Operation& recv = w.add(OpKind::recv);
  recv.out = {{to.tensor, declared}};
  recv.group = group;
  recv.from = {sender};
  recv.ranks = members_at(w, group, receiver);
  const RankSet receivers = recv.ranks;
  if (in_place) {
    *from = std::move(to);
    return true;
  }
  Operation& require = w.add(OpKind::require);
  require.in = {{to.tensor, declared}};
  require.ranks = receivers;
  return true;
}

// Everybody to a neighbour: round, or from the first to the last without closing the ring.
bool draw_ring(Bench& bench) {
  ProgramWriter& w = bench.w;
  const GroupId group = w.any_group();
  const int n = w.size(group);
  Live* from = pick(bench, is_whole);
  if (from == nullptr) return false;
  const bool open = w.chance(1, 3);
  const int shift = open ? 1 : w.below(n);
  Live to = open ? *from : result_of(bench, *from);
  std::vector<int> sends;
  std::vector<int> receives;
  for (int i = 0; i < n; ++i) {
    const int behind = i - shift;
    sends.push_back(open && i + shift >= n ? -1 : (i + shift) % n);
    receives.push_back(open && behind < 0 ? -1 : (behind + n) % n);
    for (const std::vector<int>& part : w.parts(group)) {
      if (receives.back() < 0) continue;
      rows_on(to, part[static_cast<std::size_t>(i)]) =
          rows_on(*from, part[static_cast<std::size_t>(receives.back())]);
    }
  }
  Operation& op = w.add(OpKind::send_recv, *from, to);
  op.group = group;
  op.to = sends;
  op.from = receives;
  if (open) {
    *from = std::move(to);
  } else {
    bench.live.push_back(std::move(to));
  }
  return true;
}

}  // namespace lockstep::test
