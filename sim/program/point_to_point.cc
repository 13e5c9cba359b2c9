// Lines between two members of a group.
#include <fmt/format.h>

#include <algorithm>

#include "sim/program/line.h"

namespace lockstep::program {
namespace {

constexpr std::int64_t kLargestMember = std::int64_t{1} << 24;

// The other member by place in the group: a list with an entry per member, or an expression.
std::vector<int> read_members(Line& line, const Node& node, GroupId group, std::int64_t least) {
  const auto size = static_cast<std::size_t>(line.size_of(group));
  std::vector<int> members;
  if (node.is_sequence()) {
    if (node.items.size() != size) {
      line.faults().add(node, fmt::format("{} entries for a group of {}", node.items.size(), size));
    }
    for (const Node& one : node.items) {
      members.push_back(
          static_cast<int>(scalar_integer(one, least, kLargestMember, line.faults())));
    }
    return members;
  }
  members.assign(size, -1);
  const std::vector<std::int64_t> by_rank = line.number_by_rank(node, least, kLargestMember);
  for (const std::vector<int>& part : line.at(group).parts) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (std::ranges::find(line.ranks(), part[i]) == line.ranks().end()) continue;
      const auto other = static_cast<int>(by_rank[static_cast<std::size_t>(part[i])]);
      if (members[i] >= 0 && members[i] != other) {
        line.faults().add(node,
                          "the same place in two parts of the group has another peer in each");
      }
      members[i] = other;
    }
  }
  return members;
}

// What each rank is meant to receive: the rows of the member it receives from.
Rows received(Line& line, const Rows& sent, const Rows& otherwise, GroupId group,
              const std::vector<int>& from) {
  Rows rows = otherwise;
  for (const std::vector<int>& part : line.at(group).parts) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto member = static_cast<std::size_t>(from[std::min(i, from.size() - 1)]);
      if (member < part.size()) {
        rows[static_cast<std::size_t>(part[i])] = sent[static_cast<std::size_t>(part[member])];
      }
    }
  }
  return rows;
}

// The rank from which the first rank of the line receives; -1: no member of the group.
int sender_to(Line& line, GroupId group, const std::vector<int>& from) {
  for (const std::vector<int>& part : line.at(group).parts) {
    const auto receiver = std::ranges::find(part, line.ranks().front());
    if (receiver == part.end()) continue;
    const int member = peer_of(from, static_cast<int>(receiver - part.begin()));
    const bool is_member = member >= 0 && member < static_cast<int>(part.size());
    return is_member ? part[static_cast<std::size_t>(member)] : -1;
  }
  return -1;
}

void expand_send(Line& line) {
  Variable* v = line.operand();
  const GroupId group = line.group();
  const Node* to = line.fields().required("to");
  if (v == nullptr || !group.exists() || to == nullptr) return;
  Operation op = line.operation(OpKind::send);
  op.in = {{v->id, {}}};
  op.group = group;
  op.to = read_members(line, *to, group, 0);
  line.append(std::move(op));
}

void expand_recv(Line& line) {
  Variable& out = line.expansion().variable(scalar_text(line.value(), line.faults()));
  const Node* as = line.fields().optional("as");
  Variable* like = line.expansion().written(as == nullptr ? line.value() : *as);
  const GroupId group = line.group();
  const Node* from = line.fields().required("from");
  if (like == nullptr || !group.exists() || from == nullptr) return;
  Operation op = line.operation(OpKind::recv);
  op.group = group;
  op.from = read_members(line, *from, group, 0);
  const int sender = sender_to(line, group, op.from);
  if (sender >= 0) like->look_from(sender);
  Meant meant = *like->meant;
  meant.rows = received(line, like->meant->rows, like->meant->rows, group, op.from);
  const std::string columns = like->columns;
  line.write(std::move(op), out, columns, line.with_overrides(std::move(meant)));
}

void send_and_receive(Line& line, Variable& v, GroupId group, std::vector<int> to,
                      std::vector<int> from) {
  Variable& out = line.result(v);
  Operation op = line.operation(OpKind::send_recv);
  op.in = {{v.id, {}}};
  op.group = group;
  op.to = std::move(to);
  op.from = std::move(from);
  Meant meant = *v.meant;
  const Rows& before = out.meant ? out.meant->rows : v.meant->rows;
  meant.rows = received(line, v.meant->rows, before, group, op.from);
  const std::string columns = v.columns;
  line.write(std::move(op), out, columns, line.with_overrides(std::move(meant)));
}

void expand_send_recv(Line& line) {
  Variable* v = line.operand();
  const GroupId group = line.group();
  const Node* to = line.fields().required("to");
  const Node* from = line.fields().required("from");
  if (v == nullptr || !group.exists() || to == nullptr || from == nullptr) return;
  send_and_receive(line, *v, group, read_members(line, *to, group, -1),
                   read_members(line, *from, group, -1));
}

// A ring: to the member `by` places on, from the one as many places back.
void expand_shift(Line& line) {
  Variable* v = line.operand();
  const GroupId group = line.group();
  if (v == nullptr || !group.exists()) return;
  const int size = line.size_of(group);
  const auto by = static_cast<int>(line.number("by", 1, -kLargestMember, kLargestMember) % size);
  std::vector<int> to;
  std::vector<int> from;
  for (int i = 0; i < size; ++i) {
    to.push_back((i + by + size) % size);
    from.push_back((i - by + size) % size);
  }
  send_and_receive(line, *v, group, std::move(to), std::move(from));
}

}  // namespace

const std::vector<Word>& point_to_point_words() {
  static const std::vector<Word> words{{"send", expand_send},
                                       {"recv", expand_recv},
                                       {"send_recv", expand_send_recv},
                                       {"shift", expand_shift}};
  return words;
}

}  // namespace lockstep::program
