#include "sim/base/hash.h"

#include <bit>
#include <string_view>
#include <type_traits>

#include "sim/plan/model_fields.h"
#include "sim/plan/names.h"
#include "sim/plan/plan.h"

namespace lockstep {
namespace {

// Feeds values to the hash in a form that two different sequences never share: integers have a
// fixed width, and whatever has a length is preceded by it.
class Feed {
 public:
  std::uint64_t value() const { return hash_.value(); }

  void number(std::int64_t n) { word(static_cast<std::uint64_t>(n)); }
  void real(double x) { word(std::bit_cast<std::uint64_t>(x)); }
  void text(std::string_view s) {
    word(s.size());
    hash_.add(s);
  }
  void rational(Rational r) {
    number(r.numerator());
    number(r.denominator());
  }
  template <class Tag>
  void id(Id<Tag> id) {
    number(id.value);
  }
  template <class T, class F>
  void each(const std::vector<T>& items, F feed) {
    word(items.size());
    for (const T& item : items) feed(item);
  }

 private:
  // Byte by byte, lowest first: the same on every machine.
  void word(std::uint64_t w) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>((w >> (8 * i)) & 0xFFU);
    hash_.add({bytes, sizeof bytes});
  }

  Fnv1a hash_;
};

template <class Field>
void feed_field(Feed& f, const Field& field) {
  if constexpr (std::is_same_v<Field, std::string>) {
    f.text(field);
  } else if constexpr (std::is_same_v<Field, double>) {
    f.real(field);
  } else if constexpr (std::is_same_v<Field, std::vector<int>>) {
    f.each(field, [&](int n) { f.number(n); });
  } else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
    f.each(field, [&](const std::string& text) { f.text(text); });
  } else {
    f.number(std::int64_t{field});
  }
}

void feed_model(Feed& f, const Model& m) {
  const auto feed = [&f](const char* /*name*/, const auto& field) { feed_field(f, field); };
  visit_first_model_fields(m, feed);
}

template <class T, class F>
void feed_per_rank(Feed& f, const PerRank<T>& table, F feed) {
  f.each(table.distinct, feed);
  f.each(table.index_of_rank, [&](int i) { f.number(i); });
}

void feed_rows(Feed& f, const Plan& plan) {
  f.each(plan.layouts, [&](const RowLayout& layout) {
    f.text(layout.name);
    feed_per_rank(f, layout.rows, [&](const RowMap& map) {
      f.each(map, [&](const RowRun& run) {
        f.number(run.token);
        f.number(run.count);
      });
    });
  });
  f.each(plan.moves, [&](const MoveTable& table) {
    f.text(table.name);
    feed_per_rank(f, table.of, [&](const RowMoves& moves) {
      f.number(moves.rows_out);
      f.each(moves.moves, [&](const Move& m) {
        f.number(m.from);
        f.number(m.to);
        f.number(m.count);
      });
    });
  });
  f.each(plan.sizes, [&](const SizeTable& table) {
    f.text(table.name);
    f.each(table.sizes, [&](std::int64_t size) { f.number(size); });
  });
}

void feed_values(Feed& f, const Plan& plan) {
  f.each(plan.groups, [&](const Group& group) {
    f.text(group.role);
    f.text(group.object);
    f.each(group.parts,
           [&](const std::vector<int>& part) { f.each(part, [&](int rank) { f.number(rank); }); });
  });
  f.each(plan.tensors, [&](const Tensor& t) {
    f.text(t.name);
    f.text(t.buffer);
    f.text(t.columns);
    f.text(t.dtype);
  });
  f.each(plan.terms, [&](const Term& t) {
    f.text(t.name);
    for (const int n : {static_cast<int>(t.kind), t.step, t.layer, t.index, t.shares}) {
      f.number(n);
    }
  });
  f.each(plan.closings, [&](const Closing& c) {
    f.id(c.handle);
    f.each(c.parts, [&](TermId part) { f.id(part); });
  });
}

void feed_steps(Feed& f, const Plan& plan) {
  f.each(plan.steps, [&](const Step& step) {
    f.number(static_cast<std::int64_t>(step.padding));
    f.number(step.cuda_graph);
    f.each(step.requests, [&](const Request& r) {
      for (const std::int64_t n : {std::int64_t{r.shard}, std::int64_t{r.index}, r.first_token,
                                   std::int64_t{r.tokens}, std::int64_t{r.prefix}}) {
        f.number(n);
      }
    });
  });
}

// By content, because the numbers of specs are not part of a plan.
void feed_spec(Feed& f, const Plan& plan, SpecId id) {
  f.number(id.exists());
  if (!id.exists()) return;
  const StateSpec& spec = plan.spec(id);
  f.id(spec.rows);
  f.each(spec.terms, [&](TermId t) { f.id(t); });
  f.id(spec.partial_over);
  f.id(spec.columns_over);
}

void feed_operation(Feed& f, const Plan& plan, const Operation& op) {
  f.number(static_cast<std::int64_t>(op.kind));
  f.text(to_string(op.ranks));
  f.number(op.site.step);
  f.number(op.site.layer);
  f.text(op.site.module);
  f.each(op.in, [&](const Operand& in) {
    f.id(in.tensor);
    feed_spec(f, plan, in.expect);
  });
  f.each(op.out, [&](const Output& out) {
    f.id(out.tensor);
    feed_spec(f, plan, out.declared);
  });
  f.each(op.produces, [&](const Production& p) {
    f.id(p.term);
    f.id(p.major);
    f.id(p.minor);
    f.number(p.units);
    f.rational(p.coefficient);
  });
  f.id(op.group);
  f.id(op.sizes);
  f.id(op.moves);
  f.number(static_cast<std::int64_t>(op.fill));
  f.number(static_cast<std::int64_t>(op.axis));
  f.rational(op.factor);
  f.number(op.boundary);
  f.number(op.stream);
  f.each(op.waits, [&](int event) { f.number(event); });
  f.number(op.records);
}

void feed_placements(Feed& f, const Plan& plan) {
  if (plan.placements.empty()) return;
  f.text("placements");
  f.each(plan.placements, [&](const PlacementTable& table) {
    f.text(table.name);
    feed_per_rank(f, table.of, [&](const std::vector<ShareRange>& ranges) {
      f.each(ranges, [&](const ShareRange& range) {
        f.number(range.first);
        f.number(range.last);
      });
    });
  });
  for (const Operation& op : plan.operations) {
    for (const Production& p : op.produces) f.id(p.placement);
  }
}

void feed_later_fields(Feed& f, const Plan& plan, const Operation& op) {
  if (op.reduction != Reduction::sum) f.text(to_string(op.reduction));
  if (op.root != 0) f.number(op.root);
  if (is_point_to_point(op.kind)) {
    f.each(op.to, [&](int member) { f.number(member); });
    f.each(op.from, [&](int member) { f.number(member); });
  }
  for (const Operand& in : op.in) {
    if (in.expect.exists() && plan.spec(in.expect).zero_padding) f.text("zero_padding");
  }
}

// Each with its place, only where it is not what it was before there was a choice.
void feed_program_facts(Feed& f, const Plan& plan) {
  for (std::size_t i = 0; i < plan.terms.size(); ++i) {
    const Term& t = plan.terms[i];
    if (t.combine == Reduction::sum && !t.same_as.exists()) continue;
    f.number(static_cast<std::int64_t>(i));
    f.text(to_string(t.combine));
    f.id(t.same_as);
  }
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    Feed later;
    feed_later_fields(later, plan, plan.operations[i]);
    if (later.value() == Feed().value()) continue;
    f.number(static_cast<std::int64_t>(i));
    f.number(static_cast<std::int64_t>(later.value()));
  }
}

// What plans did not have from the start comes last and only where it is there: a plan without it
// keeps its hash.
void feed_later(Feed& f, const Plan& plan) {
  const Model usual;
  visit_later_model_members([&](const char* name, auto member) {
    if (plan.model.*member == usual.*member) return;
    f.text(name);
    feed_field(f, plan.model.*member);
  });
  for (const std::string& fact : plan.unknown) f.text(fact);
  feed_placements(f, plan);
  feed_program_facts(f, plan);
}

}  // namespace

std::uint64_t hash(const Plan& plan) {
  Feed f;
  feed_model(f, plan.model);
  f.number(static_cast<std::int64_t>(plan.seed));
  f.number(plan.world);
  feed_values(f, plan);
  feed_rows(f, plan);
  feed_steps(f, plan);
  f.each(plan.operations, [&](const Operation& op) { feed_operation(f, plan, op); });
  feed_later(f, plan);
  return f.value();
}

}  // namespace lockstep
