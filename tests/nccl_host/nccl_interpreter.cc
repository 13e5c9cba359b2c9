#include "tests/nccl_host/nccl_interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

namespace lockstep::test {
namespace {

using nccl::LocalWork;
using nccl::NcclBuffer;
using nccl::NcclCall;
using nccl::NcclGroup;
using nccl::NcclKind;
using numeric::Interval;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

void refuse_unless(bool condition, const char* why) {
  if (!condition) throw std::runtime_error(why);
}

std::vector<double>& buffer_of(NcclBuffers& buffers, const NcclCall& call) {
  return call.buffer == NcclBuffer::working ? buffers.working : buffers.scratch;
}

// What member `member` of `members` reads and writes in `call`.
Interval read_by(const NcclCall& call, int member, int members) {
  std::int64_t count = call.count;
  if (call.kind == NcclKind::reduce_scatter) count *= members;
  const bool reads =
      call.kind != NcclKind::recv && (call.kind != NcclKind::broadcast || member == call.member);
  return reads ? Interval{call.in, call.in + count} : Interval{};
}

Interval written_by(const NcclCall& call, int member, int members) {
  std::int64_t count = call.count;
  if (call.kind == NcclKind::all_gather) count *= members;
  const bool writes =
      call.kind != NcclKind::send && (call.kind != NcclKind::reduce || member == call.member);
  return writes ? Interval{call.out, call.out + count} : Interval{};
}

bool overlap(Interval a, Interval b) { return a.first < b.last && b.first < a.last; }

// "in-place": the one overlap of operand and result that NCCL allows.
bool is_in_place(const NcclCall& call, int member) {
  switch (call.kind) {
    case NcclKind::all_gather:
      return call.in == call.out + member * call.count;
    case NcclKind::reduce_scatter:
      return call.out == call.in + member * call.count;
    default:
      return call.in == call.out;
  }
}

void check_buffers(const NcclGroup& group, int member, int members, NcclBuffers& buffers) {
  for (const NcclCall& call : group.calls) {
    const Interval read = read_by(call, member, members);
    const Interval written = written_by(call, member, members);
    const auto size = static_cast<std::int64_t>(buffer_of(buffers, call).size());
    refuse_unless(call.count > 0 && read.first >= 0 && written.first >= 0 && read.last <= size &&
                      written.last <= size,
                  "a call reaches beyond its buffer, or has no elements");
    refuse_unless(!overlap(read, written) || is_in_place(call, member),
                  "operand and result overlap, and are not in place");
    for (const NcclCall& other : group.calls) {
      if (&other == &call || other.buffer != call.buffer) continue;
      refuse_unless(!overlap(written, read_by(other, member, members)) &&
                        !overlap(written, written_by(other, member, members)),
                    "calls of one group touch what another one writes");
    }
  }
}

// ---- between the calls ------------------------------------------------------------------------

void work(LocalWork work, NcclBuffers& buffers) {
  for (std::size_t i = 0; i < buffers.working.size(); ++i) {
    double& w = buffers.working[i];
    double& s = buffers.scratch[i];
    const bool is_nothing = s == -kInfinity;
    if (work == LocalWork::undefined_to_infinity && std::isnan(w)) w = kInfinity;
    if (work == LocalWork::infinity_to_undefined && w == kInfinity) w = kUndefined;
    if (work == LocalWork::copy_to_scratch) s = w;
    if (work == LocalWork::exponentials) w = is_nothing ? 0 : std::exp(w - s);
    if (work == LocalWork::logarithms) w = is_nothing ? s : s + std::log(w);
  }
}

// ---- the calls --------------------------------------------------------------------------------

double reduced(Reduction reduction, double a, double b) {
  return reduction == Reduction::max ? std::fmax(a, b) : a + b;
}

// The `count` elements from `offset` of what each member reads, reduced.
std::vector<double> reduced(const std::vector<NcclCall>& calls, std::vector<NcclBuffers>& before,
                            std::int64_t offset) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < calls.front().count; ++i) {
    const auto element = [&](std::size_t m) {
      return buffer_of(before[m], calls[m])[static_cast<std::size_t>(calls[m].in + offset + i)];
    };
    double all = element(0);
    for (std::size_t m = 1; m < calls.size(); ++m) {
      all = reduced(calls.front().reduction, all, element(m));
    }
    result.push_back(all);
  }
  return result;
}

void put(const std::vector<double>& from, std::vector<double>& to, std::int64_t at) {
  std::ranges::copy(from, to.begin() + at);
}

std::vector<double> operand(const NcclCall& call, NcclBuffers& before) {
  const std::vector<double>& all = buffer_of(before, call);
  return {all.begin() + call.in, all.begin() + call.in + call.count};
}

// `calls`: of one collective, by member.
void run_collective(const std::vector<NcclCall>& calls, std::vector<NcclBuffers>& before,
                    std::vector<NcclBuffers>& buffers) {
  for (std::size_t m = 0; m < calls.size(); ++m) {
    const NcclCall& call = calls[m];
    std::vector<double>& mine = buffer_of(buffers[m], call);
    const auto root = static_cast<std::size_t>(std::max(call.member, 0));
    switch (call.kind) {
      case NcclKind::all_reduce:
        put(reduced(calls, before, 0), mine, call.out);
        break;
      case NcclKind::reduce_scatter:
        put(reduced(calls, before, static_cast<std::int64_t>(m) * call.count), mine, call.out);
        break;
      case NcclKind::reduce:
        if (m == root) put(reduced(calls, before, 0), mine, call.out);
        break;
      case NcclKind::broadcast:
        put(operand(calls[root], before[root]), mine, call.out);
        break;
      default:
        for (std::size_t from = 0; from < calls.size(); ++from) {
          put(operand(calls[from], before[from]), mine,
              call.out + static_cast<std::int64_t>(from) * call.count);
        }
    }
  }
}

bool fit_together(const NcclCall& a, const NcclCall& b) {
  return a.kind == b.kind && a.count == b.count && a.reduction == b.reduction &&
         a.member == b.member;
}

void run_collectives(const std::vector<NcclGroup>& groups, std::vector<NcclBuffers>& before,
                     std::vector<NcclBuffers>& buffers) {
  std::vector<std::vector<NcclCall>> by_member;
  for (const NcclGroup& group : groups) {
    std::vector<NcclCall>& own = by_member.emplace_back();
    std::ranges::copy_if(group.calls, std::back_inserter(own),
                         [](const NcclCall& call) { return !has_peer(call.kind); });
    refuse_unless(own.size() == by_member.front().size(),
                  "members call different numbers of times");
  }
  for (std::size_t i = 0; i < by_member.front().size(); ++i) {
    std::vector<NcclCall> calls;
    for (const std::vector<NcclCall>& own : by_member) {
      refuse_unless(fit_together(own[i], by_member.front()[i]), "calls do not fit together");
      calls.push_back(own[i]);
    }
    run_collective(calls, before, buffers);
  }
}

// The k-th message from a to b is the k-th that b takes from a.
void run_messages(const std::vector<NcclGroup>& groups, std::vector<NcclBuffers>& before,
                  std::vector<NcclBuffers>& buffers) {
  std::map<std::pair<int, int>, std::vector<NcclCall>> sent;
  for (std::size_t m = 0; m < groups.size(); ++m) {
    for (const NcclCall& call : groups[m].calls) {
      if (call.kind == NcclKind::send) sent[{static_cast<int>(m), call.member}].push_back(call);
    }
  }
  for (std::size_t m = 0; m < groups.size(); ++m) {
    for (const NcclCall& call : groups[m].calls) {
      if (call.kind != NcclKind::recv) continue;
      std::vector<NcclCall>& waiting = sent[{call.member, static_cast<int>(m)}];
      refuse_unless(!waiting.empty() && waiting.front().count == call.count,
                    "what is received was not sent");
      put(operand(waiting.front(), before[static_cast<std::size_t>(call.member)]),
          buffer_of(buffers[m], call), call.out);
      waiting.erase(waiting.begin());
    }
  }
  for (const auto& [way, waiting] : sent) {
    refuse_unless(waiting.empty(), "what is sent is not received");
  }
}

}  // namespace

void run_nccl(const std::vector<std::vector<NcclGroup>>& groups,
              std::vector<NcclBuffers>& buffers) {
  const auto members = static_cast<int>(groups.size());
  std::size_t rounds = 0;
  for (const std::vector<NcclGroup>& own : groups) rounds = std::max(rounds, own.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<NcclGroup> now;  // who has nobody to talk to has no group
    for (const std::vector<NcclGroup>& own : groups) {
      now.push_back(round < own.size() ? own[round] : NcclGroup{});
    }
    for (int m = 0; m < members; ++m) {
      const auto at = static_cast<std::size_t>(m);
      check_buffers(now[at], m, members, buffers[at]);
      work(now[at].before, buffers[at]);
    }
    std::vector<NcclBuffers> before = buffers;
    run_collectives(now, before, buffers);
    run_messages(now, before, buffers);
    for (std::size_t m = 0; m < now.size(); ++m) work(now[m].after, buffers[m]);
  }
}

}  // namespace lockstep::test
