#include "backend/nccl/launch/call_list.h"

#include <fmt/format.h>

#include <algorithm>

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

nlohmann::ordered_json call_list_json(const Plan& plan, int rank, const CallList& list) {
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
      one["ranks"] = members_of(plan, rank, of.operation);
    }
  }
  return all;
}

}  // namespace lockstep::nccl
