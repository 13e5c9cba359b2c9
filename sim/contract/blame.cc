#include "sim/contract/blame.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sim/contract/describe.h"

namespace lockstep::contract {
namespace {

Code code_of_rows(FaultKind kind) {
  switch (kind) {
    case FaultKind::rows:
      return Code::wrong_rows;
    case FaultKind::undefined:
      return Code::undefined_rows;
    default:
      return Code::layout_mismatch;
  }
}

std::string repaired_text(const Plan& plan, SpecId spec_id) {
  const StateSpec& spec = plan.spec(spec_id);
  std::string text = plan.layout(spec.rows).name;
  text += spec.partial_over.exists() ? ", partial over " + plan.group(spec.partial_over).role
                                     : ", complete";
  return text;
}

}  // namespace

Blame::Blame(Execution& execution)
    : execution_(execution), plan_(execution.plan()), provenance_(plan_, execution.transfers()) {}

std::vector<Violation> Blame::violations() {
  std::vector<const UnmetObligation*> unmet;
  for (const UnmetObligation& u : execution_.unmet()) unmet.push_back(&u);
  const auto order = [](const UnmetObligation* u) { return std::tuple(u->operation, u->operand); };
  std::ranges::stable_sort(unmet, {}, order);
  for (const UnmetObligation* one : unmet) {
    const UnmetObligation& u = *one;
    blame_rows(u, FaultKind::rows);
    blame_rows(u, FaultKind::undefined);
    blame_rows(u, FaultKind::layout);
    blame_units(u);
    blame_values(u);
  }
  std::ranges::stable_sort(violations_, {}, [](const Violation& v) {
    const int rank = v.ranks.empty() ? -1 : v.ranks.lowest();
    return std::tuple(v.site.step, v.operation.index, v.code, rank);
  });
  return std::move(violations_);
}

// ---- whose fault ------------------------------------------------------------------------------

const Blame::Faults& Blame::faults_of_output(int operation, int index) {
  const auto known = faults_of_output_.find({operation, index});
  if (known != faults_of_output_.end()) return known->second;
  return faults_of_output_
      .emplace(std::pair(operation, index), find_faults_of_output(operation, index))
      .first->second;
}

// What the members of a part held together, right after `operation`.
StateId Blame::sum_of_part(int operation, TensorId tensor, const std::vector<int>& part) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  std::vector<StateId> held;
  for (const int member : part) {
    const int writer =
        executes(op, member) ? operation : provenance_.last_writer(tensor, member, operation);
    held.push_back(writer < 0 ? StateId::none() : execution_.written(writer, 0, member));
  }
  return execution_.states().sum(held, Joining::shares);
}

Blame::Faults Blame::find_faults_of_output(int operation, int index) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Output& output = op.out[static_cast<std::size_t>(index)];
  if (!output.declared.exists()) return {};
  if (auto told = execution_.faults_of_form(operation, index, output.declared)) return *told;
  const GroupId partial = plan_.spec(output.declared).partial_over;
  const std::size_t parts = partial.exists() ? plan_.group(partial).parts.size() : 0;
  std::vector<std::optional<StateId>> sums(parts);
  Faults faults;
  for (int rank = 0; rank < plan_.world; ++rank) {
    if (!executes(op, rank) || execution_.left_out(op, rank)) continue;
    StateId sum = execution_.written(operation, index, rank);
    if (!sum.exists()) continue;
    if (partial.exists()) {
      auto& known = sums[static_cast<std::size_t>(execution_.places().part(partial, rank))];
      const Membership m = execution_.places().membership(partial, rank);
      if (!known) known = sum_of_part(operation, output.tensor, *m.members);
      sum = *known;
    }
    if (execution_.judge().met(output.declared, rank, sum)) continue;
    FaultGroup& group = faults.emplace_back(FaultGroup{{rank}, {}});
    execution_.judge().faults(output.declared, rank, sum, group.faults);
  }
  return faults;
}

// The earliest operation on the way to `tensor` (as `reader` sees it) whose result is not what it
// declares while its inputs are; `reader` itself if every writer kept its word.
template <class Faulty>
int Blame::first_deviating(int reader, TensorId tensor, const Faulty& faulty) {
  std::set<int> sent;
  const int found = deviating_before(reader, tensor, faulty, sent);
  if (found != reader) return found;
  const auto ranks = plan_.operations[static_cast<std::size_t>(reader)].ranks;
  const int result =
      no_result(reader, tensor, ranks.empty() ? RankSet::range(0, plan_.world) : ranks);
  return result >= 0 ? result : reader;
}

// `sent`: the sends that have been looked behind. What a receiver got may go back to itself.
template <class Faulty>
int Blame::deviating_before(int reader, TensorId tensor, const Faulty& faulty,
                            std::set<int>& sent) {
  for (const int writer : provenance_.writers_of(tensor, reader)) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(writer)];
    for (std::size_t i = 0; i < op.out.size(); ++i) {
      if (op.out[i].tensor != tensor) continue;
      const bool deviates =
          !op.out[i].declared.exists() ||
          faulty(faults_of_output(writer, static_cast<int>(i)), op.out[i].declared);
      if (!deviates) continue;
      if (is_nonlinear(op.kind)) return writer;
      for (const Operand& in : op.in) {
        const int deeper = deviating_before(writer, in.tensor, faulty, sent);
        if (deeper != writer) return deeper;
      }
      for (const int sender : provenance_.senders_to(writer)) {
        if (sender == writer || !sent.insert(sender).second) continue;
        const TensorId from = plan_.operations[static_cast<std::size_t>(sender)].in.front().tensor;
        const int deeper = deviating_before(sender, from, faulty, sent);
        if (deeper != sender) return deeper;
      }
      return without_result(writer, static_cast<int>(i));
    }
  }
  return reader;
}

// `writer`, or the operation that left all ranks on which its result is wrong without an operand.
int Blame::without_result(int writer, int output) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(writer)];
  if (communicates(op.kind)) return writer;
  std::vector<int> ranks;
  for (const FaultGroup& group : faults_of_output(writer, output)) {
    ranks.insert(ranks.end(), group.ranks.begin(), group.ranks.end());
  }
  for (const Operand& in : op.in) {
    int earlier = -1;
    const bool all = std::ranges::all_of(ranks, [&](int rank) {
      earlier = no_result(writer, in.tensor, RankSet::of({rank}));
      return earlier >= 0;
    });
    if (all && earlier >= 0) return earlier;
  }
  return writer;
}

// The operation that wrote `tensor` last before `reader` and has no result on one of `ranks`: a
// reduction to another root, say. -1: none.
int Blame::no_result(int reader, TensorId tensor, const RankSet& ranks) const {
  for (const int rank : ranks.to_vector()) {
    const int writer = provenance_.last_writer(tensor, rank, reader);
    const bool left = writer >= 0 &&
                      execution_.left_out(plan_.operations[static_cast<std::size_t>(writer)], rank);
    if (left) return writer;
  }
  return -1;
}

void Blame::blame_rows(const UnmetObligation& unmet, FaultKind kind) {
  std::vector<int> ranks;
  std::vector<RowRun> rows;
  bool padding = false;  // that is read, and is not zero
  for (const FaultGroup& group : unmet.faults) {
    bool any = false;
    for (const RowFault& fault : group.faults) {
      if (fault.kind != kind) continue;
      any = true;
      const bool real = fault.rows.token != kPadding;
      if (fault.rows.count > 0 && real) rows.push_back(fault.rows);
      padding = padding || (fault.rows.count > 0 && !real);
    }
    if (any) ranks.insert(ranks.end(), group.ranks.begin(), group.ranks.end());
  }
  if (ranks.empty()) return;
  const Operation& consumer = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  const Operand& in = consumer.in[static_cast<std::size_t>(unmet.operand)];
  const auto faulty = [kind](const Faults& groups, SpecId) {
    return std::ranges::any_of(groups, [kind](const FaultGroup& group) {
      return std::ranges::any_of(group.faults,
                                 [kind](const RowFault& f) { return f.kind == kind; });
    });
  };
  const int blamed = first_deviating(unmet.operation, in.tensor, faulty);
  const StateSpec& spec = plan_.spec(in.expect);
  const int producer = spec.terms.empty() ? -1 : provenance_.producer(spec.terms.back());
  Violation v;
  v.code = code_of_rows(kind);
  v.site =
      producer >= 0 ? plan_.operations[static_cast<std::size_t>(producer)].site : consumer.site;
  v.operation = reference(blamed);
  v.producer = reference(producer);
  v.consumer = reference(unmet.operation);
  v.ranks = RankSet::of(ranks);
  if (!spec.terms.empty()) v.terms = {plan_.term(spec.terms.back()).name};
  v.because = reasons(producer, {}, blamed, unmet.operation);
  v.repaired_to = repaired_text(plan_, in.expect);
  set_group(v, blamed, producer);
  v.message = rows_message(v, rows, padding);
  add(std::move(v));
}

std::string Blame::rows_message(const Violation& v, const std::vector<RowRun>& rows,
                                bool padding) const {
  const std::string text = rows.empty() && padding
                               ? describe(plan_, v, "rows of padding are read, and are not zero")
                               : describe(plan_, v);
  if (rows.empty()) return text;
  return text + " (rows " + rows_text(rows) + (padding ? "; rows of padding are read, too)" : ")");
}

// ---- wrong coefficients -----------------------------------------------------------------------

Site Blame::site_of(TermId term) const {
  const int producer = provenance_.producer(term);
  if (producer >= 0) return plan_.operations[static_cast<std::size_t>(producer)].site;
  return {plan_.term(term).step, plan_.term(term).layer, "boundary"};
}

Blame::Where Blame::where(TermId term) const {
  const Site site = site_of(term);
  return {site.step, site.layer, site.module};
}

const Compared& Blame::entries_of(ValueId actual, SpecId spec) {
  const auto known = entries_.find({actual, spec});
  if (known != entries_.end()) return known->second;
  std::vector<Entry> entries = compare(execution_.values(), actual, plan_.spec(spec).terms);
  return entries_.emplace(std::pair(actual, spec), in_owed_units(plan_, std::move(entries)))
      .first->second;
}

// The suspects that the entries of one wrong value belong to, each with the entry.
std::vector<std::pair<Blame::Suspect*, const Entry*>> Blame::accuse(
    const RowFault& fault, SpecId spec, std::map<Where, Suspect>& found) {
  const std::vector<Entry>& entries = entries_of(fault.actual, spec).entries;
  std::set<Where> wrong;
  for (const Entry& entry : entries) {
    if (entry.wrong()) wrong.insert(where(entry.term));
  }
  std::vector<std::pair<Suspect*, const Entry*>> accused;
  for (const Entry& entry : entries) {
    const Where place = where(entry.term);
    if (!wrong.contains(place)) continue;
    const auto [it, is_new] = found.try_emplace(
        place,
        Suspect{site_of(entry.term), Ledger(plan_), entry.term, fault.rank, fault.actual, {}});
    accused.emplace_back(&it->second, &entry);
  }
  return accused;
}

std::map<Blame::Where, Blame::Suspect> Blame::suspects(const UnmetObligation& unmet) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  const SpecId spec = op.in[static_cast<std::size_t>(unmet.operand)].expect;
  std::map<Where, Suspect> found;
  std::map<ValueId, std::vector<std::pair<Suspect*, const Entry*>>> accused;
  for (const FaultGroup& group : unmet.faults) {
    for (const RowFault& fault : group.faults) {
      if (fault.kind != FaultKind::coefficients) continue;
      auto known = accused.find(fault.actual);
      if (known == accused.end()) {
        known = accused.emplace(fault.actual, accuse(fault, spec, found)).first;
      }
      for (const auto& [suspect, entry] : known->second) {
        if (entry->wrong() && suspect->ranks.empty()) suspect->term = entry->term;
        suspect->ledger.add(*entry, group.ranks, fault.rows);
        const bool counted = !suspect->ranks.empty() && suspect->ranks.back() == group.ranks.back();
        if (counted) continue;
        suspect->ranks.insert(suspect->ranks.end(), group.ranks.begin(), group.ranks.end());
      }
    }
  }
  return found;
}

// A value that is right but for the unit of a term.
void Blame::blame_units(const UnmetObligation& unmet) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  const SpecId spec = op.in[static_cast<std::size_t>(unmet.operand)].expect;
  std::map<UnitMistake, std::vector<int>> ranks;
  for (const FaultGroup& group : unmet.faults) {
    std::set<UnitMistake> here;
    for (const RowFault& fault : group.faults) {
      if (fault.kind != FaultKind::coefficients) continue;
      const std::vector<UnitMistake>& mistakes = entries_of(fault.actual, spec).mistakes;
      here.insert(mistakes.begin(), mistakes.end());
    }
    for (const UnitMistake& mistake : here) {
      std::vector<int>& all = ranks[mistake];
      all.insert(all.end(), group.ranks.begin(), group.ranks.end());
    }
  }
  for (const auto& [mistake, all] : ranks) blame_unit(unmet, mistake, all);
}

void Blame::blame_unit(const UnmetObligation& unmet, UnitMistake mistake,
                       const std::vector<int>& ranks) {
  const Operation& consumer = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  const Operand& in = consumer.in[static_cast<std::size_t>(unmet.operand)];
  const auto faulty = [&](const Faults& groups, SpecId spec) {
    return std::ranges::any_of(groups, [&](const FaultGroup& group) {
      return std::ranges::any_of(group.faults, [&](const RowFault& f) {
        if (f.kind != FaultKind::coefficients) return false;
        const std::vector<UnitMistake>& found = entries_of(f.actual, spec).mistakes;
        return std::ranges::find(found, mistake) != found.end();
      });
    });
  };
  const int blamed = first_deviating(unmet.operation, in.tensor, faulty);
  const int producer = provenance_.producer(mistake.held);
  Violation v;
  v.code = Code::layout_mismatch;
  v.site = site_of(mistake.owed);
  v.operation = reference(blamed);
  v.producer = reference(producer);
  v.consumer = reference(unmet.operation);
  v.ranks = RankSet::of(ranks);
  v.terms = {plan_.term(mistake.owed).name};
  v.because = reasons(producer, {}, blamed, unmet.operation);
  v.repaired_to = repaired_text(plan_, in.expect);
  set_group(v, blamed, producer);
  v.message = describe(plan_, v,
                       fmt::format("holds {}, which is {} in another unit",
                                   plan_.term(mistake.held).name, plan_.term(mistake.owed).name));
  add(std::move(v));
}

void Blame::blame_values(const UnmetObligation& unmet) {
  for (auto& [where, suspect] : suspects(unmet)) blame_value(unmet, suspect);
}

// True if some fault of a result concerns the terms of `place`.
bool Blame::shows(const Faults& faults, SpecId spec, const Where& place) {
  std::set<ValueId> seen;
  for (const FaultGroup& group : faults) {
    for (const RowFault& fault : group.faults) {
      if (fault.kind != FaultKind::coefficients) return true;
      if (!seen.insert(fault.actual).second) continue;
      for (const Entry& entry : entries_of(fault.actual, spec).entries) {
        if (entry.wrong() && where(entry.term) == place) return true;
      }
    }
  }
  return false;
}

void Blame::blame_value(const UnmetObligation& unmet, Suspect& suspect) {
  const Operation& consumer = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  const Operand& in = consumer.in[static_cast<std::size_t>(unmet.operand)];
  const Where place{suspect.site.step, suspect.site.layer, suspect.site.module};
  const auto faulty = [&](const Faults& faults, SpecId spec) { return shows(faults, spec, place); };
  const int blamed = first_deviating(unmet.operation, in.tensor, faulty);
  if (accounted_.contains(blamed)) return;
  const int producer = provenance_.producer(suspect.term);
  Violation v;
  v.code = code_of(unmet, suspect, blamed);
  v.site = suspect.site;
  v.operation = reference(blamed);
  v.producer = reference(producer);
  v.consumer = reference(unmet.operation);
  v.ranks = RankSet::of(suspect.ranks);
  v.terms = suspect.ledger.terms();
  v.factor = suspect.ledger.factor();
  v.coefficients = suspect.ledger.coefficients();
  const std::vector<int> path =
      producer < 0 ? std::vector<int>{} : provenance_.path(producer, in.tensor, unmet.operation);
  v.because = reasons(producer, path, blamed, unmet.operation);
  v.repaired_to = repaired_text(plan_, in.expect);
  set_group(v, blamed, producer);
  v.message = describe(plan_, v);
  if (v.code == Code::expert_map) v.message += " (" + misplaced_text(suspect) + ")";
  add(std::move(v));
}

}  // namespace lockstep::contract
