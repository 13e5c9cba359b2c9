#include "backend/nccl/launch/nccl_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string_view>

#include "sim/base/require.h"
#include "sim/plan/names.h"

namespace lockstep::nccl {
namespace {

using numeric::Exchange;
using numeric::Pattern;
using Blocks = std::vector<std::int64_t>;

std::int64_t total(const Blocks& blocks) {
  return std::accumulate(blocks.begin(), blocks.end(), std::int64_t{0});
}

bool are_equal(const Blocks& blocks) {
  return std::ranges::adjacent_find(blocks, std::ranges::not_equal_to()) == blocks.end();
}

bool is_of_pairs(OpKind kind) { return kind == OpKind::all_to_all || kind == OpKind::all_to_allv; }

// A call that leaves its result where its operand was.
NcclCall in_place(NcclKind kind, std::int64_t at, std::int64_t count) {
  NcclCall call;
  call.kind = kind;
  call.in = at;
  call.out = at;
  call.count = count;
  return call;
}

NcclCall rooted(NcclKind kind, int root, std::int64_t at, std::int64_t count) {
  NcclCall call = in_place(kind, at, count);
  call.member = root;
  return call;
}

// One call of `kind` for each member that has a block: to it, or from it.
std::vector<NcclCall> for_each_root(NcclKind kind, const Blocks& blocks) {
  std::vector<NcclCall> calls;
  std::int64_t first = 0;
  for (std::size_t m = 0; m < blocks.size(); ++m) {
    if (blocks[m] > 0) calls.push_back(rooted(kind, static_cast<int>(m), first, blocks[m]));
    first += blocks[m];
  }
  return calls;
}

std::vector<NcclCall> gather(const Blocks& blocks, int member) {
  if (!are_equal(blocks)) return for_each_root(NcclKind::broadcast, blocks);
  NcclCall call = in_place(NcclKind::all_gather, 0, blocks.front());
  call.in = member * blocks.front();
  return {call};
}

std::vector<NcclCall> reduce_scatter(const Blocks& blocks, int member) {
  if (!are_equal(blocks)) return for_each_root(NcclKind::reduce, blocks);
  NcclCall call = in_place(NcclKind::reduce_scatter, 0, blocks.front());
  call.out = member * blocks.front();
  return {call};
}

// Blocks that are sent stand one after the other; behind all of them, those that come.
std::vector<NcclCall> exchange_pairs(const Pattern& p, int member) {
  const auto block = [&](int from, int to) {
    return p.blocks[static_cast<std::size_t>(std::int64_t{from} * p.members + to)];
  };
  std::int64_t sent_at = 0;
  std::int64_t received_at = 0;
  for (int to = 0; to < p.members; ++to) received_at += block(member, to);
  std::vector<NcclCall> calls;
  for (int peer = 0; peer < p.members; ++peer) {
    const std::int64_t sent = block(member, peer);
    const std::int64_t received = block(peer, member);
    if (peer != member && sent > 0) {
      calls.push_back(rooted(NcclKind::send, peer, sent_at, sent));
    }
    if (peer != member && received > 0) {
      calls.push_back(rooted(NcclKind::recv, peer, received_at, received));
    }
    sent_at += sent;
    received_at += received;
  }
  return calls;
}

std::vector<NcclCall> calls_of(const Pattern& p, int member) {
  switch (p.kind) {
    case OpKind::barrier:
      return {in_place(NcclKind::all_reduce, 0, 1)};
    case OpKind::all_reduce:
      return {in_place(NcclKind::all_reduce, 0, total(p.blocks))};
    case OpKind::reduce:
      return {rooted(NcclKind::reduce, p.root, 0, total(p.blocks))};
    case OpKind::broadcast:
      return {rooted(NcclKind::broadcast, p.root, 0, total(p.blocks))};
    case OpKind::all_gather:
    case OpKind::all_gatherv:
    case OpKind::dispatch:
      return gather(p.blocks, member);
    default:
      if (is_of_pairs(p.kind)) return exchange_pairs(p, member);
      LOCKSTEP_ASSERT(sums(p.kind));
      return reduce_scatter(p.blocks, member);
  }
}

NcclGroup group(const Pattern& p, int member, Reduction reduction) {
  NcclGroup group;
  for (NcclCall call : calls_of(p, member)) {
    if (call.count == 0) continue;
    if (reduces(call.kind)) call.reduction = reduction;
    group.calls.push_back(call);
  }
  return group;
}

// The maximum is needed wherever exponentials are: everywhere.
std::vector<NcclGroup> logsumexp(const Pattern& p, int member) {
  NcclCall maximum = in_place(NcclKind::all_reduce, 0, total(p.blocks));
  maximum.reduction = Reduction::max;
  maximum.buffer = NcclBuffer::scratch;
  NcclGroup sum = group(p, member, Reduction::sum);
  sum.before = LocalWork::exponentials;
  sum.after = LocalWork::logarithms;
  return {{LocalWork::copy_to_scratch, {maximum}, LocalWork::none}, std::move(sum)};
}

}  // namespace

bool reduces(NcclKind kind) {
  return kind == NcclKind::all_reduce || kind == NcclKind::reduce_scatter ||
         kind == NcclKind::reduce;
}

bool has_root(NcclKind kind) { return kind == NcclKind::reduce || kind == NcclKind::broadcast; }

bool has_peer(NcclKind kind) { return kind == NcclKind::send || kind == NcclKind::recv; }

std::vector<NcclGroup> nccl_groups(const Exchange& exchange, int member) {
  const Pattern& p = exchange.pattern();
  const bool is_empty = p.kind != OpKind::barrier && total(p.blocks) == 0;
  if (p.members == 1 || is_empty) return {};
  const Reduction reduction = sums(p.kind) ? exchange.reduction() : Reduction::sum;
  if (reduction == Reduction::logsumexp) return logsumexp(p, member);
  const bool is_max = reduction == Reduction::max;
  NcclGroup all = group(p, member, is_max ? Reduction::max : Reduction::sum);
  if (all.calls.empty()) return {};
  if (is_max) {
    all.before = LocalWork::undefined_to_infinity;
    all.after = LocalWork::infinity_to_undefined;
  }
  return {std::move(all)};
}

std::vector<NcclCall> nccl_calls(const Exchange& exchange, int member) {
  std::vector<NcclCall> all;
  for (NcclGroup& group : nccl_groups(exchange, member)) {
    std::ranges::move(group.calls, std::back_inserter(all));
  }
  return all;
}

std::int64_t buffer_elements(const Exchange& exchange, int member) {
  const Pattern& p = exchange.pattern();
  return p.kind == OpKind::barrier ? 1 : numeric::working_size(p, member);
}

std::vector<NcclCall> nccl_calls(const std::optional<NcclMessage>& sent,
                                 const std::optional<NcclMessage>& received) {
  std::vector<NcclCall> calls;
  if (sent && sent->elements > 0) {
    calls.push_back(rooted(NcclKind::send, sent->member, 0, sent->elements));
  }
  if (received && received->elements > 0) {
    const std::int64_t first = sent ? sent->elements : 0;
    calls.push_back(rooted(NcclKind::recv, received->member, first, received->elements));
  }
  return calls;
}

std::string to_string(NcclKind kind) {
  constexpr std::string_view kNames[] = {
      "all_reduce", "all_gather", "reduce_scatter", "reduce", "broadcast", "send", "recv"};
  return std::string(kNames[static_cast<std::size_t>(kind)]);
}

std::string to_string(const NcclCall& call) {
  std::string text = to_string(call.kind);
  if (reduces(call.kind)) text += fmt::format(" {}", lockstep::to_string(call.reduction));
  text += fmt::format(" count={}", call.count);
  if (has_root(call.kind)) text += fmt::format(" root={}", call.member);
  if (has_peer(call.kind)) text += fmt::format(" peer={}", call.member);
  return text;
}

}  // namespace lockstep::nccl
