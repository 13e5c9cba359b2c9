// A collective of a plan as NCCL calls, as data: what each member of a communicator calls on its
// working buffer (backend/numeric/exchange.h). Needs neither NCCL nor a GPU; whoever has both only
// carries the calls out (backend/nccl/communicators.h).
//
//   all_reduce                              ncclAllReduce, in place
//   reduce_scatter, reduce_scatterv,        equal blocks: ncclReduceScatter, in place; else a group
//   combine                                 of ncclReduce, one to each member, of its block
//   all_gather, all_gatherv, dispatch       equal blocks: ncclAllGather, in place; else a group of
//                                           ncclBroadcast, one from each member, of its block
//   all_to_all, all_to_allv                 a group of ncclSend and ncclRecv, one pair for each two
//                                           members; what a member has for itself does not travel
//   reduce, broadcast                       ncclReduce, ncclBroadcast, in place
//   barrier                                 ncclAllReduce of one element
//
// Blocks without elements make no call on any member. A member that is alone calls nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/numeric/exchange.h"
#include "sim/plan/tables.h"

namespace lockstep::nccl {

enum class NcclKind : std::uint8_t {
  all_reduce,
  all_gather,
  reduce_scatter,
  reduce,
  broadcast,
  send,
  recv,
};
std::string to_string(NcclKind kind);  // "all_reduce"
bool reduces(NcclKind kind);           // all_reduce, reduce_scatter, reduce
bool has_root(NcclKind kind);          // reduce, broadcast
bool has_peer(NcclKind kind);          // send, recv

// Of the two buffers of a rank, of equal size: the working buffer, or room beside it.
enum class NcclBuffer : std::uint8_t { working, scratch };

struct NcclCall {
  NcclKind kind = NcclKind::all_reduce;
  std::int64_t in = 0;     // first element that is read. Not of recv
  std::int64_t out = 0;    // first element that is written. Not of send, of reduce only at the root
  std::int64_t count = 0;  // the argument of NCCL's function: what one member sends (all_gather) or
                           // receives (reduce_scatter)
  Reduction reduction = Reduction::sum;  // of who reduces: sum or max
  int member = -1;                       // in group order: the root, or the peer
  NcclBuffer buffer = NcclBuffer::working;
  bool operator==(const NcclCall&) const = default;
};

// What a rank does with its own buffer, element by element, before or after calls.
enum class LocalWork : std::uint8_t {
  none,
  // NCCL's maximum of a number and NaN is the number (fmaxf), and here it must be NaN. No plan
  // computes infinity.
  undefined_to_infinity,  // w := NaN -> +infinity
  infinity_to_undefined,  // w := +infinity -> NaN
  // NCCL has no logsumexp: log(sum exp(x_i)) = m + log(sum exp(x_i - m)) with m = max x_i.
  copy_to_scratch,  // s := w
  exponentials,     // w := exp(w - s); 0 where s is -infinity, for then all are
  logarithms,       // w := s + log(w); -infinity where s is
};

// Calls between ncclGroupStart and ncclGroupEnd. None reads what another one writes.
struct NcclGroup {
  LocalWork before = LocalWork::none;
  std::vector<NcclCall> calls;
  LocalWork after = LocalWork::none;
  bool operator==(const NcclGroup&) const = default;
};

// What `member` does, one group after the other, from the working buffer as Exchange::load() leaves
// it to what Exchange::unload() reads. An average is a sum here, which unload() divides. A group
// without calls is left out.
std::vector<NcclGroup> nccl_groups(const numeric::Exchange& exchange, int member);

// The calls of all these groups, one after the other.
std::vector<NcclCall> nccl_calls(const numeric::Exchange& exchange, int member);

// Elements that the working buffer must have: those of the pattern, and of a barrier one.
std::int64_t buffer_elements(const numeric::Exchange& exchange, int member);

// A point-to-point call: what is sent stands first in the buffer, what comes stands behind it.
struct NcclMessage {
  int member = -1;  // in group order
  std::int64_t elements = 0;
};
std::vector<NcclCall> nccl_calls(const std::optional<NcclMessage>& sent,
                                 const std::optional<NcclMessage>& received);

// "reduce sum count=4096 root=2"
std::string to_string(const NcclCall& call);

}  // namespace lockstep::nccl
