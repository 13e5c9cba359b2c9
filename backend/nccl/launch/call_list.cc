#include "backend/nccl/launch/call_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/plan/names.h"

namespace lockstep::nccl {
namespace {

const Group& group_of(const Plan& plan, int operation) {
  return plan.group(plan.operations[static_cast<std::size_t>(operation)].group);
}

std::size_t members_of(const Plan& plan, int rank, int operation) {
  const GroupId group = plan.operations[static_cast<std::size_t>(operation)].group;
  return membership(plan, group, rank).members->size();
}

std::string place(const Plan& plan, int operation) {
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  return fmt::format("operation {} ({} over {})", operation, to_string(op.kind),
                     group_of(plan, operation).role);
}

std::string texts(const Plan& plan, int rank, const OperationCalls& of) {
  if (of.calls.empty()) return "nothing";
  std::vector<std::string> all;
  for (const NcclCall& call : of.calls) all.push_back(to_string(call));
  return fmt::format("{} over {}, {} ranks", fmt::join(all, "; "),
                     group_of(plan, of.operation).role, members_of(plan, rank, of.operation));
}

// Of lists that are equal before it.
std::string difference_at(const Plan& plan, int rank, const OperationCalls& expected,
                          const OperationCalls& called) {
  const int operation = std::min(expected.operation, called.operation);
  const auto said = [&](const OperationCalls& of) {
    return of.operation == operation ? texts(plan, rank, of) : std::string("nothing");
  };
  std::string text = fmt::format("rank {}, {}: the plan says {}; the rank called {}", rank,
                                 place(plan, operation), said(expected), said(called));
  if (said(expected) == said(called)) text += ", at other places of its buffer";
  return text;
}

nlohmann::ordered_json calls_json(const Plan& plan, int rank, const CallList& list) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const OperationCalls& of : list) {
    for (const NcclCall& call : of.calls) {
      nlohmann::ordered_json& one = all.emplace_back();
      one["operation"] = of.operation;
      one["call"] = to_string(call.kind);
      if (reduces(call.kind)) one["reduction"] = lockstep::to_string(call.reduction);
      one["count"] = call.count;
      if (has_root(call.kind)) one["root"] = call.member;
      if (has_peer(call.kind)) one["peer"] = call.member;
      one["group"] = group_of(plan, of.operation).role;
      one["members"] = members_of(plan, rank, of.operation);
    }
  }
  return all;
}

}  // namespace

std::string difference(const Plan& plan, int rank, const CallList& expected,
                       const CallList& called) {
  const auto [e, c] = std::ranges::mismatch(expected, called);
  if (e == expected.end() && c == called.end()) return {};
  if (e == expected.end()) return difference_at(plan, rank, {c->operation, {}}, *c);
  if (c == called.end()) return difference_at(plan, rank, *e, {e->operation, {}});
  return difference_at(plan, rank, *e, *c);
}

std::string text_of(const Plan& plan, int rank, int operation, const NcclCall& call) {
  return texts(plan, rank, {operation, {call}});
}

void add(CallList& list, int operation, std::span<const NcclCall> calls) {
  if (calls.empty()) return;
  if (list.empty() || list.back().operation != operation) list.push_back({operation, {}});
  std::ranges::copy(calls, std::back_inserter(list.back().calls));
}

void encode(process::ByteWriter& out, const CallList& list) {
  out.put(static_cast<std::uint64_t>(list.size()));
  for (const OperationCalls& of : list) {
    out.put(of.operation);
    out.put(static_cast<std::uint64_t>(of.calls.size()));
    for (const NcclCall& call : of.calls) {
      out.put(call.kind);
      out.put(call.in);
      out.put(call.out);
      out.put(call.count);
      out.put(call.reduction);
      out.put(call.member);
      out.put(call.buffer);
    }
  }
}

CallList decode_calls(process::ByteReader& in) {
  constexpr std::size_t kLeastOfOperation = 12;
  constexpr std::size_t kOfCall = 31;
  CallList list(in.get_count(kLeastOfOperation));
  for (OperationCalls& of : list) {
    of.operation = in.get<int>();
    of.calls.resize(in.get_count(kOfCall));
    for (NcclCall& call : of.calls) {
      call.kind = in.get<NcclKind>();
      call.in = in.get<std::int64_t>();
      call.out = in.get<std::int64_t>();
      call.count = in.get<std::int64_t>();
      call.reduction = in.get<Reduction>();
      call.member = in.get<int>();
      call.buffer = in.get<NcclBuffer>();
    }
  }
  return list;
}

std::string difference(const Plan& plan, const std::vector<CallList>& expected,
                       const std::vector<CallList>& called) {
  std::string first;
  for (std::size_t r = 0; r < called.size() && first.empty(); ++r) {
    first = difference(plan, static_cast<int>(r), expected[r], called[r]);
  }
  return first;
}

nlohmann::ordered_json nccl_calls_json(const Plan& plan, const std::vector<CallList>& called,
                                       const std::string& difference) {
  nlohmann::ordered_json ranks = nlohmann::ordered_json::array();
  for (std::size_t r = 0; r < called.size(); ++r) {
    const auto rank = static_cast<int>(r);
    ranks.push_back({{"rank", rank}, {"calls", calls_json(plan, rank, called[r])}});
  }
  nlohmann::ordered_json all{{"as_planned", difference.empty()}};
  if (!difference.empty()) all["difference"] = difference;
  all["ranks"] = std::move(ranks);
  return all;
}

}  // namespace lockstep::nccl
