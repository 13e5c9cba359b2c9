#include "tests/brute_force/brute_force.h"

#include <algorithm>

#include "sim/plan/shares.h"
#include "tests/brute_force/calls.h"

namespace lockstep::test {
namespace {

class Machine {
 public:
  explicit Machine(const Plan& plan)
      : plan_(plan),
        world_(plan.world),
        tensors_(plan.tensors.size(), std::vector<Held>(static_cast<std::size_t>(plan.world))),
        ranks_(static_cast<std::size_t>(plan.world)) {}

  BruteForce run() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (int rank = 0; rank < world_; ++rank) {
        while (step(rank)) moved = true;
      }
      if (!moved) moved = stop_waiting_for_a_part();
    }
    for (int rank = 0; rank < world_; ++rank) {
      const int at = self(rank).position;
      if (at == operations()) continue;
      found_.stopped_at = found_.stopped_at < 0 ? at : std::min(found_.stopped_at, at);
    }
    found_.violated = found_.stopped_at >= 0;
    for (const auto& [place, judgement] : found_.obligations) {
      found_.violated = found_.violated || !judgement.wrong.empty();
    }
    return std::move(found_);
  }

 private:
  struct Rank {
    int position = 0;
    std::size_t operand = 0;  // the next to be judged
    bool at_part = false;     // waits for the other members of a partial value to be judged
    bool calling = false;     // has made its call, and waits
    bool stopped = false;
    int latest = -1;  // operation: the last that anybody stood at for whom it has waited
  };

  int operations() const { return static_cast<int>(plan_.operations.size()); }
  Rank& self(int rank) { return ranks_[static_cast<std::size_t>(rank)]; }
  const Operation& operation(int index) const {
    return plan_.operations[static_cast<std::size_t>(index)];
  }
  Held& held(TensorId tensor, int rank) {
    return tensors_[tensor.index()][static_cast<std::size_t>(rank)];
  }

  // One thing that `rank` can do now; false if it must wait, has stopped or has ended.
  bool step(int rank) {
    Rank& me = self(rank);
    if (me.position == operations() || me.stopped || me.calling || me.at_part) return false;
    const Operation& op = operation(me.position);
    if (me.operand < op.in.size()) {
      judge(rank, me.position, me.operand);
      return true;
    }
    if (!executes(op, rank)) {
      advance(rank);
    } else if (is_collective(op.kind)) {
      join(rank, op);
    } else if (is_point_to_point(op.kind)) {
      post(rank, op);
    } else {
      if (op.kind != OpKind::require) held(op.out.front().tensor, rank) = local_result(op, rank);
      advance(rank);
    }
    return true;
  }

  void advance(int rank) {
    Rank& me = self(rank);
    ++me.position;
    me.operand = 0;
    me.calling = false;
  }

  // ---- obligations ----------------------------------------------------------------------------

  void judge(int rank, int index, std::size_t operand) {
    const Operation& op = operation(index);
    const Operand& in = op.in[operand];
    if (!in.expect.exists()) {
      ++self(rank).operand;
      return;
    }
    const StateSpec& spec = plan_.spec(in.expect);
    if (!spec.partial_over.exists()) {
      if (executes(op, rank)) judge_complete(rank, index, operand);
      ++self(rank).operand;
      return;
    }
    // Those that only hold a part of the value stand by, too.
    const Membership m = membership(plan_, spec.partial_over, rank);
    const bool concerns = m.members != nullptr && std::ranges::any_of(*m.members, [&](int member) {
                            return executes(op, member);
                          });
    if (!concerns) {
      ++self(rank).operand;
      return;
    }
    self(rank).at_part = true;
    const bool all_here = std::ranges::all_of(*m.members, [&](int member) {
      return waits_at(member, index, operand) || held_before(member, index, operand) != nullptr;
    });
    if (all_here) judge_partial(*m.members, index, operand);
  }

  bool waits_at(int rank, int index, std::size_t operand) {
    const Rank& me = self(rank);
    return me.at_part && me.position == index && me.operand == operand;
  }

  void judge_complete(int rank, int index, std::size_t operand) {
    const Operand& in = operation(index).in[operand];
    Judgement& judgement = found_.obligations[{index, static_cast<int>(operand)}];
    judgement.judged.insert(rank);
    if (compare(rank, in, held(in.tensor, rank), judgement)) return;
    held(in.tensor, rank) = reference(rank, in, {rank});
  }

  void judge_partial(const std::vector<int>& members, int index, std::size_t operand) {
    const Operation& op = operation(index);
    const Operand& in = op.in[operand];
    Judgement& judgement = found_.obligations[{index, static_cast<int>(operand)}];
    std::vector<Held> parts;
    for (const int member : members) {
      // Others have been here and gone on before it could come.
      if (self(member).latest > index) found_.unordered = true;
      const Held* before = held_before(member, index, operand);
      parts.push_back(before == nullptr ? held(in.tensor, member) : *before);
    }
    // A product of parts is a part of the product only where the parts add up.
    const Held sum = op.kind == OpKind::linear ? added(parts) : together(plan_, parts);
    bool met = true;
    for (const int member : members) {
      if (executes(op, member)) judgement.judged.insert(member);
      if (!compare(member, in, sum, judgement)) met = false;
    }
    for (const int member : members) {
      const Held* before = held_before(member, index, operand);
      // Who has gone on and written something else keeps that.
      const bool same = before == nullptr || *before == held(in.tensor, member);
      if (!met && same) held(in.tensor, member) = reference(member, in, members);
      if (!waits_at(member, index, operand)) continue;
      self(member).at_part = false;
      ++self(member).operand;
    }
  }

  // When nothing else moves: those that stand at the earliest part go on. What they held counts
  // when the others come.
  bool stop_waiting_for_a_part() {
    int lowest = operations();
    for (int rank = 0; rank < world_; ++rank) {
      if (self(rank).at_part) lowest = std::min(lowest, self(rank).position);
    }
    if (lowest == operations()) return false;
    found_.unordered = true;
    for (int rank = 0; rank < world_; ++rank) {
      Rank& me = self(rank);
      if (!me.at_part || me.position != lowest) continue;
      const Operand& in = operation(lowest).in[me.operand];
      gone_on_[{lowest, me.operand}][rank] = held(in.tensor, rank);
      me.at_part = false;
      ++me.operand;
    }
    return true;
  }

  // What `rank` held when it came to a part, if it has gone on.
  const Held* held_before(int rank, int index, std::size_t operand) const {
    const auto part = gone_on_.find({index, operand});
    if (part == gone_on_.end()) return nullptr;
    const auto found = part->second.find(rank);
    return found == part->second.end() ? nullptr : &found->second;
  }

  std::pair<std::int64_t, std::int64_t> owed_columns(int rank, const Operand& in) const {
    return columns_on(plan_, in.tensor, in.expect, rank);
  }

  // What `in` owes on `rank`, one of `members` that hold it together.
  Held reference(int rank, const Operand& in, const std::vector<int>& members) const {
    const StateSpec& spec = plan_.spec(in.expect);
    const auto [first, last] = owed_columns(rank, in);
    const auto index = static_cast<int>(std::ranges::find(members, rank) - members.begin());
    const auto count = static_cast<int>(members.size());
    Block block{first, last, {}};
    for (const std::int64_t token : tokens_of(plan_, spec.rows, rank)) {
      if (token == kPadding) {
        block.rows.push_back(spec.zero_padding ? Cell{} : undefined_cell());
      } else {
        block.rows.push_back(part_cell(plan_, spec.terms, token, index, count));
      }
    }
    return {{block}};
  }

  bool columns_met(const Held& have, std::int64_t first, std::int64_t last) const {
    for (const Block& block : have.blocks) {
      if (block.first != first) return false;
      first = block.last;
    }
    return first == last;
  }

  // True if `have` is what `in` owes on `rank`; notes it where not.
  bool compare(int rank, const Operand& in, const Held& have, Judgement& judgement) const {
    const StateSpec& spec = plan_.spec(in.expect);
    const std::vector<std::int64_t> tokens = tokens_of(plan_, spec.rows, rank);
    const auto [first, last] = owed_columns(rank, in);
    bool met = true;
    if (!have.exists()) {
      met = std::ranges::all_of(
          tokens, [&](std::int64_t token) { return token == kPadding && !spec.zero_padding; });
    } else if (!columns_met(have, first, last) ||
               have.rows() != static_cast<std::int64_t>(tokens.size())) {
      met = false;
    } else {
      for (std::size_t row = 0; row < tokens.size(); ++row) {
        if (row_met(rank, spec, tokens[row], row, have, judgement)) continue;
        met = false;
      }
    }
    if (!met) judgement.wrong.insert(rank);
    return met;
  }

  bool row_met(int rank, const StateSpec& spec, std::int64_t token, std::size_t row,
               const Held& have, Judgement& judgement) const {
    if (token == kPadding && !spec.zero_padding) return true;
    const Cell owed = token == kPadding ? Cell{} : complete_cell(plan_, spec.terms, token);
    WrongRow wrong{rank, token, {}};
    for (const Block& block : have.blocks) {
      if (block.rows[row] != owed) wrong.actual.push_back(block.rows[row]);
    }
    if (wrong.actual.empty()) return true;
    judgement.rows.push_back(std::move(wrong));
    return false;
  }

  // ---- what a rank does by itself -------------------------------------------------------------

  Held local_result(const Operation& op, int rank) {
    const auto in = [&](std::size_t i) -> const Held& { return held(op.in[i].tensor, rank); };
    const TensorId out = op.out.front().tensor;
    const std::int64_t columns = plan_.column_count(plan_.tensor(out).columns);
    switch (op.kind) {
      case OpKind::copy_rows:
        return copied(in(0), held(out, rank), plan_.move_table(op.moves).of.at(rank), op.fill,
                      columns);
      case OpKind::add:
        return added({in(0), in(1)});
      case OpKind::scale:
        return scaled(in(0), op.factor);
      case OpKind::slice_columns: {
        const Membership m = membership(plan_, op.group, rank);
        const auto slice = column_slice(columns, m.index, static_cast<int>(m.members->size()));
        return columns_of(in(0), slice.first, slice.last);
      }
      default:
        return produced(op, rank);
    }
  }

  // The operands are right: they were judged, and repaired.
  Held produced(const Operation& op, int rank) const {
    const Output& out = op.out.front();
    const SpecId rows = op.in.empty() ? out.declared : op.in.front().expect;
    const auto [first, last] = columns_on(plan_, out.tensor, out.declared, rank);
    Block block{first, last, {}};
    for (const std::int64_t token : tokens_of(plan_, plan_.spec(rows).rows, rank)) {
      block.rows.push_back(token == kPadding ? undefined_cell() : product(op, rank, token));
    }
    return {{block}};
  }

  Cell product(const Operation& op, int rank, std::int64_t token) const {
    Cell cell;
    for (const Production& p : op.produces) {
      std::vector<ShareRange> shares;
      if (p.placement.exists()) {
        shares = plan_.placement_table(p.placement).of.at(rank);
      } else {
        shares = {lockstep::shares_of(plan_, p, rank)};
      }
      add_shares(plan_, p.term, shares, token, p.coefficient, cell);
    }
    return cell;
  }

  // ---- calls ----------------------------------------------------------------------------------

  void stop(int rank, const std::string& why) {
    self(rank).stopped = true;
    posts_.forget(rank);
    if (!found_.mismatched) found_.why = why;
    found_.mismatched = true;
  }

  // Those that meet have seen what each has.
  void note_meeting(const std::vector<int>& ranks) {
    int latest = -1;
    for (const int rank : ranks) {
      latest = std::max({latest, self(rank).latest, self(rank).position});
    }
    for (const int rank : ranks) self(rank).latest = latest;
  }

  Call call_of(int rank, const Operation& op) {
    Call call{rank, &op, {}};
    if (!op.in.empty()) call.operand = held(op.in.front().tensor, rank);
    return call;
  }

  void join(int rank, const Operation& op) {
    self(rank).calling = true;
    const Communicator on = communicator(plan_, op.group, rank);
    std::map<int, Call>& here = meetings_[on];
    here.emplace(rank, call_of(rank, op));
    if (here.size() < on.members.size()) return;
    std::vector<Call> calls;
    for (const int member : on.members) calls.push_back(here.at(member));
    here.clear();
    const std::string why = misfit(plan_, calls);
    if (!why.empty()) {
      for (const int member : on.members) stop(member, why);
      return;
    }
    note_meeting(on.members);
    const std::vector<Held> results = results_of(plan_, calls);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (!calls[i].operation->out.empty()) {
        held(calls[i].operation->out.front().tensor, calls[i].rank) = results[i];
      }
      advance(calls[i].rank);
    }
  }

  void post(int rank, const Operation& op) {
    self(rank).calling = true;
    const std::string why = posts_.add(plan_, call_of(rank, op));
    if (!why.empty()) return stop(rank, why);
    while (const auto pair = posts_.meet()) {
      const std::string unlike = misfit_of_pair(plan_, pair->sender, pair->receiver);
      if (!unlike.empty()) {
        stop(pair->sender.rank, unlike);
        stop(pair->receiver.rank, unlike);
        continue;
      }
      note_meeting({pair->sender.rank, pair->receiver.rank});
      const Operation& receiving = *pair->receiver.operation;
      held(receiving.out.front().tensor, pair->receiver.rank) = pair->sender.operand;
      for (const int done : {pair->sender.rank, pair->receiver.rank}) release(done);
    }
    release(rank);
  }

  // Goes on if nothing of its call is outstanding.
  void release(int rank) {
    if (self(rank).calling && !self(rank).stopped && !posts_.outstanding(rank)) advance(rank);
  }

  const Plan& plan_;
  int world_;
  std::vector<std::vector<Held>> tensors_;  // by tensor, then rank
  std::vector<Rank> ranks_;
  std::map<Communicator, std::map<int, Call>> meetings_;
  Posts posts_;
  // By operation and operand, then rank.
  std::map<std::pair<int, std::size_t>, std::map<int, Held>> gone_on_;
  BruteForce found_;
};

}  // namespace

BruteForce brute_force(const Plan& plan) { return Machine(plan).run(); }

}  // namespace lockstep::test
