#include "sim/program/expansion.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/program/expression.h"
#include "sim/program/line.h"

namespace lockstep::program {
namespace {

constexpr int kDeepest = 16;
constexpr int kMostLayers = 1000;
constexpr std::size_t kMostOperations = 200000;

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

// The part of `group` that has all of `ranks`; nullptr if there is none.
const std::vector<int>* part_with(const Group& group, const std::vector<int>& ranks) {
  for (const std::vector<int>& part : group.parts) {
    if (std::ranges::all_of(ranks, [&](int rank) { return contains(part, rank); })) return &part;
  }
  return nullptr;
}

bool is_block(const Node& node) {
  return node.find("do") != nullptr || node.find("repeat") != nullptr;
}

}  // namespace

Expansion::Expansion(const Setup& setup, const Node* rows, NodeFaults& faults, PlanBuilder& builder)
    : setup_(setup), rows_(rows), faults_(faults), builder_(builder) {}

void Expansion::run(const Node& program) {
  Context everywhere;
  for (int rank = 0; rank < setup_.world; ++rank) everywhere.ranks.push_back(rank);
  if (rows_ != nullptr && !rows_->is_map()) {
    faults_.add(*rows_, "rows is a map from name to layout");
    return;
  }
  for (step_ = 0; step_ < static_cast<int>(setup_.steps.size()) && faults_.empty(); ++step_) {
    layouts_.emplace(setup_, step_, rows_, row_number(), faults_);
    next_layer_ = 0;
    name_layouts();
    if (faults_.empty()) block(program, everywhere);
  }
}

RowNumber Expansion::row_number() {
  return [this](const Node& node, int rank, std::int64_t least) -> std::optional<std::int64_t> {
    const Rational value = evaluate(node, rank, -1);
    if (!faults_.empty()) return std::nullopt;
    const bool whole = value.denominator() == 1;
    if (whole && value.numerator() >= least && value.numerator() <= kMostTokens) {
      return value.numerator();
    }
    faults_.add(node, fmt::format("{} on rank {}; expected a whole number from {} to {}",
                                  to_string(value), rank, least, kMostTokens));
    return std::nullopt;
  };
}

// So that plans show the names that readers of the program know.
void Expansion::name_layouts() {
  std::vector<Node> names;
  for (const char* name : {"own", "all", "own_max", "all_max", "last", "all_last"}) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.text = name;
    names.push_back(std::move(node));
  }
  if (rows_ != nullptr) names.insert(names.end(), rows_->keys.begin(), rows_->keys.end());
  for (const Node& name : names) name_of_layout_.try_emplace(layouts_->read(name), name.text);
}

void Expansion::block(const Node& lines, const Context& context) {
  if (!lines.is_sequence()) {
    faults_.add(lines, "expected a list of lines");
    return;
  }
  if (++depth_ > kDeepest) faults_.add(lines, "blocks are nested deeper than 16");
  for (const Node& node : lines.items) {
    if (depth_ > kDeepest) break;
    if (builder_.plan().operations.size() > kMostOperations) {
      faults_.add(node, fmt::format("more than {} operations", kMostOperations));
      break;
    }
    line(node, context);
  }
  --depth_;
}

void Expansion::line(const Node& node, const Context& context) {
  if (!node.is_map()) {
    faults_.add(node, "expected a line such as {all_reduce: y, group: tp}");
  } else if (is_block(node)) {
    nested(node, context);
  } else {
    expand_line(node, *this, context);
  }
}

void Expansion::nested(const Node& node, const Context& context) {
  Fields f(node, faults_);
  Context inner = context;
  inner.ranks = ranks_of(f, *this, context);
  inner.module = f.text("module", context.module);
  inner.layer = f.int_or("layer", context.layer);
  f.optional("name");
  const Node* body = f.required("do");
  const Node* other = f.optional("else");
  if (const Node* count = f.optional("repeat")) {
    f.finish();
    if (body != nullptr && !inner.ranks.empty()) repeat(*count, *body, inner);
    return;
  }
  f.finish();
  if (body != nullptr && !inner.ranks.empty()) block(*body, inner);
  if (other == nullptr) return;
  Context rest = context;
  rest.module = inner.module;
  rest.layer = inner.layer;
  std::erase_if(rest.ranks, [&](int rank) { return contains(inner.ranks, rank); });
  if (!rest.ranks.empty()) block(*other, rest);
}

void Expansion::repeat(const Node& count, const Node& body, Context context) {
  const Rational times = evaluate(count, context.ranks.front(), context.layer);
  if (times.denominator() != 1 || times.numerator() < 0 || times.numerator() > kMostLayers) {
    faults_.add(count, fmt::format("expected a number from 0 to {}", kMostLayers));
    return;
  }
  for (std::int64_t i = 0; i < times.numerator() && faults_.empty(); ++i) {
    if (next_layer_ >= kMostLayers) {
      faults_.add(count, fmt::format("more than {} layers", kMostLayers));
      return;
    }
    context.layer = next_layer_++;
    block(body, context);
  }
}

std::vector<int> ranks_of(Fields& f, Expansion& expansion, const Context& context) {
  std::vector<int> ranks = context.ranks;
  if (const Node* only = f.optional("ranks")) {
    const std::vector<int> named = read_ranks(*only, expansion.setup().world, expansion.faults());
    std::erase_if(ranks, [&](int rank) { return !contains(named, rank); });
  }
  if (const Node* when = f.optional("when")) {
    std::erase_if(
        ranks, [&](int rank) { return expansion.evaluate(*when, rank, context.layer).is_zero(); });
  }
  return ranks;
}

// ---- variables --------------------------------------------------------------------------------

void Variable::look_from(int rank) {
  const Meant& seen = written_[static_cast<std::size_t>(by_rank_[static_cast<std::size_t>(rank)])];
  meant->terms = seen.terms;
  meant->partial = seen.partial;
  meant->columns = seen.columns;
}

// On the ranks that do not write, the tensor stays what it was meant to be.
void Variable::write(const std::vector<int>& ranks, const Meant& written) {
  if (by_rank_.empty()) by_rank_.assign(written.rows.size(), 0);
  if (ranks.size() == by_rank_.size()) written_.clear();
  written_.push_back({{}, written.terms, written.partial, written.columns});
  Meant all = written;
  if (meant) all.rows = std::move(meant->rows);
  for (const int rank : ranks) {
    const auto r = static_cast<std::size_t>(rank);
    by_rank_[r] = static_cast<int>(written_.size()) - 1;
    all.rows[r] = written.rows[r];
  }
  meant = std::move(all);
}

// ---- names ------------------------------------------------------------------------------------

std::string Expansion::unique(const std::string& table, const std::string& name) {
  if (names_.emplace(table, name).second) return name;
  for (int i = 2;; ++i) {
    std::string next = fmt::format("{}#{}", name, i);
    if (names_.emplace(table, next).second) return next;
  }
}

Variable& Expansion::variable(const std::string& name) {
  const auto alias = aliases_.find(name);
  if (alias != aliases_.end()) return variable(alias->second);
  Variable& found = variables_[name];
  found.name = name;
  return found;
}

Variable* Expansion::written(const Node& node) {
  const std::string name = scalar_text(node, faults_);
  if (!node.is_scalar()) return nullptr;
  Variable& found = variable(name);
  if (found.meant) return &found;
  std::vector<std::string> known;
  for (const auto& [other, v] : variables_) {
    if (v.meant) known.push_back(other);
  }
  faults_.add_unknown(node, "tensor", name, known);
  return nullptr;
}

TensorId Expansion::tensor(Variable& v, const std::string& columns) {
  if (!v.id.exists() || v.columns != columns) {
    const std::string name = unique("tensors", v.name);
    v.id = builder_.tensor({name, name, columns, "bfloat16"});
    v.columns = columns;
  }
  return v.id;
}

SpecId Expansion::spec(const Meant& meant, bool zero_padding) {
  return builder_.spec(
      {layout(meant.rows), meant.terms, meant.partial, meant.columns, zero_padding});
}

LayoutId Expansion::layout(const Rows& rows) {
  const auto known = layout_of_.find(rows);
  if (known != layout_of_.end()) return known->second;
  const auto named = name_of_layout_.find(rows);
  const std::string name = named == name_of_layout_.end() ? "rows" : named->second;
  const LayoutId id = builder_.layout(unique("rows", name), rows);
  layout_of_.emplace(rows, id);
  return id;
}

std::string Expansion::full_name(const std::string& name, int layer) const {
  const std::string full = layer < 0 ? name : fmt::format("L{}.{}", layer, name);
  return setup_.steps.size() > 1 ? fmt::format("S{}.{}", step_, full) : full;
}

TermId Expansion::find_term(const std::string& name, int layer) const {
  for (const std::string& full : {full_name(name, layer), full_name(name, -1), name}) {
    const auto found = terms_.find(full);
    if (found != terms_.end()) return found->second;
  }
  return TermId::none();
}

std::vector<std::string> Expansion::term_names() const {
  std::vector<std::string> names;
  for (const auto& [name, id] : terms_) names.push_back(name);
  return names;
}

TermId Expansion::term(const std::string& name, TermKind kind, int shares, int layer, bool reuse) {
  const std::string full = full_name(name, layer);
  const auto known = terms_.find(full);
  if (reuse && known != terms_.end() && builder_.plan().term(known->second).shares == shares) {
    return known->second;
  }
  Term term;
  term.name = unique("terms", full);
  term.kind = kind;
  term.step = step_;
  term.layer = layer;
  term.shares = shares;
  const TermId id = builder_.term(std::move(term));
  terms_.insert_or_assign(full, id);
  return id;
}

TermId Expansion::in_unit(TermId id, const std::string& unit) {
  const auto own = unit_of_.find(id);
  if (own == unit_of_.end() || own->second == unit) return id;
  const auto known = other_unit_.find({id, unit});
  if (known != other_unit_.end()) return known->second;
  Term other = builder_.plan().term(id);
  other.name = unique("terms", fmt::format("{}.base{}", other.name, unit));
  other.same_as = id;
  const TermId made = builder_.term(std::move(other));
  unit_of_[made] = unit;
  other_unit_[{id, unit}] = made;
  other_unit_[{made, own->second}] = id;
  return made;
}

int Expansion::event(const std::string& name) {
  return events_.try_emplace(name, static_cast<int>(events_.size())).first->second;
}

// ---- groups -----------------------------------------------------------------------------------

GroupId Expansion::product(GroupId a, GroupId b) {
  const std::vector<Group>& groups = builder_.plan().groups;
  Group joined;
  std::set<std::set<int>> seen;
  for (const std::vector<int>& part : groups[a.index()].parts) {
    std::set<int> all;
    for (const int rank : part) {
      all.insert(rank);
      for (const std::vector<int>& other : groups[b.index()].parts) {
        if (contains(other, rank)) all.insert(other.begin(), other.end());
      }
    }
    if (seen.insert(all).second) joined.parts.emplace_back(all.begin(), all.end());
  }
  const auto same =
      std::ranges::find_if(groups, [&](const Group& group) { return group.parts == joined.parts; });
  if (same != groups.end()) return GroupId{static_cast<std::int32_t>(same - groups.begin())};
  joined.role = fmt::format("{} x {}", groups[a.index()].role, groups[b.index()].role);
  joined.object = joined.role;
  return builder_.add_group(std::move(joined));
}

GroupId Expansion::rest(GroupId partial, GroupId summed) {
  const std::vector<Group>& groups = builder_.plan().groups;
  const Group& whole = groups[partial.index()];
  const Group& done = groups[summed.index()];
  // All of what it is partial over was summed, or more.
  if (std::ranges::all_of(whole.parts, [&](const std::vector<int>& part) {
        return part_with(done, part) != nullptr;
      })) {
    return GroupId::none();
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Group& other = groups[i];
    const bool completes = std::ranges::all_of(whole.parts, [&](const std::vector<int>& part) {
      return std::ranges::all_of(part, [&](int rank) {
        const auto* mine = part_with(other, {rank});
        const auto* summed_part = part_with(done, {rank});
        if (mine == nullptr || summed_part == nullptr) return false;
        const auto shared =
            std::ranges::count_if(*mine, [&](int r) { return contains(*summed_part, r); });
        return shared == 1 && mine->size() * summed_part->size() == part.size() &&
               std::ranges::all_of(*mine, [&](int r) { return contains(part, r); });
      });
    });
    if (completes && other.parts.front().size() > 1) return GroupId{static_cast<std::int32_t>(i)};
  }
  return GroupId::none();
}

// ---- expressions ------------------------------------------------------------------------------

std::optional<Rational> Expansion::look_up(std::string_view name, std::string_view argument,
                                           int rank, int layer) const {
  const auto constant = setup_.constants.find(name);
  if (constant != setup_.constants.end()) return Rational(constant->second);
  const int shard = setup_.shard_of[static_cast<std::size_t>(rank)];
  const StepSetup& step = setup_.steps[static_cast<std::size_t>(step_)];
  if (name == "rank") return Rational(rank);
  if (name == "world") return Rational(setup_.world);
  if (name == "step") return Rational(step_);
  if (name == "layer") return Rational(layer);
  if (name == "shard") return Rational(shard);
  if (name == "tokens") return Rational(step.rows(shard));
  if (name == "real_tokens") return Rational(step.tokens(shard));
  if (name != "size" && name != "index") return std::nullopt;
  const auto group = std::ranges::find(setup_.groups, argument, &Group::role);
  if (group == setup_.groups.end()) return std::nullopt;
  const std::vector<int>* part = part_with(*group, {rank});
  if (part == nullptr) return Rational(name == "size" ? 0 : -1);
  if (name == "size") return Rational(static_cast<std::int64_t>(part->size()));
  return Rational(std::ranges::find(*part, rank) - part->begin());
}

Rational Expansion::evaluate(const Node& node, int rank, int layer) {
  const Lookup lookup = [&](std::string_view name, std::string_view argument) {
    return look_up(name, argument, rank, layer);
  };
  const Evaluated result = program::evaluate(scalar_text(node, faults_), lookup);
  if (result.fault.empty()) return result.value;
  if (node.is_scalar()) {
    faults_.add(node, fmt::format("in '{}': {}", node.text, result.fault),
                "names: rank, world, step, layer, shard, tokens, real_tokens, size(group), "
                "index(group), and those of let");
  }
  return 0;
}

}  // namespace lockstep::program
