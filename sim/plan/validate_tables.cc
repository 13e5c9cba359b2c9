#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "sim/plan/validate.h"

namespace lockstep {
namespace {

constexpr std::size_t kWholeTable = static_cast<std::size_t>(-1);  // instead of an entry's index

// Token intervals of all requests, joined and sorted, to ask which tokens exist.
class Tokens {
 public:
  explicit Tokens(const Plan& plan) {
    for (const Step& step : plan.steps) {
      for (const Request& r : step.requests) spans_.push_back({r.first_token, r.tokens});
    }
    std::ranges::sort(spans_);
    for (std::size_t i = 1; i < spans_.size(); ++i) {
      if (spans_[i].token < spans_[i - 1].token + spans_[i - 1].count) overlap_ = spans_[i].token;
    }
    std::vector<RowRun> joined;
    for (const RowRun& span : spans_) {
      if (!joined.empty() && span.token == joined.back().token + joined.back().count) {
        joined.back().count += span.count;
      } else {
        joined.push_back(span);
      }
    }
    spans_.swap(joined);
  }

  // A token that two requests have; -1 if there is none.
  std::int64_t overlap() const { return overlap_; }
  bool covers(const RowRun& run) const {
    auto after = std::ranges::upper_bound(spans_, run.token, {}, &RowRun::token);
    if (after == spans_.begin()) return false;
    --after;
    return run.token + run.count <= after->token + after->count;
  }

 private:
  std::vector<RowRun> spans_;
  std::int64_t overlap_ = -1;
};

class TableChecks {
 public:
  explicit TableChecks(const Plan& plan) : plan_(plan) {}

  std::vector<PlanFault> faults() {
    if (plan_.world < 1 || plan_.world > kLargestWorld) {
      add("world", kWholeTable,
          fmt::format("{} ranks; it must be 1 to {}", plan_.world, kLargestWorld));
      return std::move(faults_);
    }
    faults_ = model_faults(plan_.model);
    check_groups();
    check_steps();
    if (faults_.empty()) check_rows();
    check_moves();
    check_sizes();
    check_placements();
    check_tensors();
    check_terms();
    if (faults_.empty()) check_closings();
    check_specs();
    check_reasons();
    return std::move(faults_);
  }

 private:
  void add(std::string_view table, std::size_t index, std::string message) {
    const int entry = index == kWholeTable ? -1 : static_cast<int>(index);
    faults_.push_back({std::string(table), entry, std::move(message)});
  }

  template <class T>
  void check_unique_names(std::string_view table, const std::vector<T>& entries,
                          std::string T::*name) {
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string& text = entries[i].*name;
      if (text.empty())
        add(table, i, "has no name");
      else if (!seen.insert(text).second)
        add(table, i, fmt::format("the name {} is taken", text));
    }
  }

  void check_groups() {
    check_unique_names("groups", plan_.groups, &Group::role);
    for (std::size_t i = 0; i < plan_.groups.size(); ++i) {
      std::vector<bool> seen(static_cast<std::size_t>(plan_.world), false);
      if (plan_.groups[i].object.empty()) add("groups", i, "has no communicator object");
      for (const std::vector<int>& part : plan_.groups[i].parts) {
        if (part.empty()) add("groups", i, "has a part without ranks");
        for (const int rank : part) check_member(i, rank, seen);
      }
    }
  }

  void check_member(std::size_t group, int rank, std::vector<bool>& seen) {
    if (rank < 0 || rank >= plan_.world) {
      add("groups", group, fmt::format("rank {} is outside the world of {}", rank, plan_.world));
    } else if (seen[static_cast<std::size_t>(rank)]) {
      add("groups", group, fmt::format("rank {} is in it twice", rank));
    } else {
      seen[static_cast<std::size_t>(rank)] = true;
    }
  }

  void check_steps() {
    if (plan_.steps.empty()) add("steps", kWholeTable, "there is no step");
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      for (const Request& r : plan_.steps[i].requests) {
        const bool sane = r.shard >= 0 && r.index >= 0 && r.tokens > 0 && r.prefix >= 0 &&
                          r.first_token >= 0 && r.first_token < kRowLimit - r.tokens;
        if (!sane) {
          add("steps", i,
              fmt::format("request {} of shard {}: {} tokens from {}, {} cached; tokens must be "
                          "positive, the rest not negative, and token ids below 2^31",
                          r.index, r.shard, r.tokens, r.first_token, r.prefix));
        }
      }
    }
    const std::int64_t overlap = faults_.empty() ? Tokens(plan_).overlap() : -1;
    if (overlap >= 0) {
      add("steps", kWholeTable, fmt::format("token {} belongs to two requests", overlap));
    }
  }

  template <class T>
  bool check_per_rank(std::string_view table, std::size_t index, const PerRank<T>& of) {
    if (of.index_of_rank.size() != static_cast<std::size_t>(plan_.world)) {
      add(table, index, fmt::format("covers {} ranks of {}", of.index_of_rank.size(), plan_.world));
      return false;
    }
    std::vector<bool> used(of.distinct.size(), false);
    for (const int at : of.index_of_rank) {
      if (at < 0 || static_cast<std::size_t>(at) >= used.size()) {
        add(table, index, fmt::format("a rank refers to value {} of {}", at, used.size()));
        return false;
      }
      used[static_cast<std::size_t>(at)] = true;
    }
    if (std::ranges::find(used, false) == used.end()) return true;
    add(table, index, "has a value that no rank uses");
    return false;
  }

  void check_rows() {
    check_unique_names("rows", plan_.layouts, &RowLayout::name);
    const Tokens tokens(plan_);
    for (std::size_t i = 0; i < plan_.layouts.size(); ++i) {
      const PerRank<RowMap>& rows = plan_.layouts[i].rows;
      if (!check_per_rank("rows", i, rows)) continue;
      for (const RowMap& map : rows.distinct) check_row_map(i, map, tokens);
    }
  }

  void check_row_map(std::size_t index, const RowMap& map, const Tokens& tokens) {
    std::int64_t total = 0;
    for (const RowRun& run : map) {
      if (run.count <= 0 || run.count >= kRowLimit || run.token < kPadding) {
        add("rows", index, fmt::format("has a run of {} rows from token {}", run.count, run.token));
        return;
      }
      total = std::min(total + run.count, kRowLimit);
      if (run.token != kPadding && !tokens.covers(run)) {
        add("rows", index,
            fmt::format("tokens {}-{} belong to no request", run.token, run.token + run.count - 1));
      }
    }
    if (total >= kRowLimit) add("rows", index, "has 2^31 rows or more on one rank");
  }

  void check_moves() {
    check_unique_names("moves", plan_.moves, &MoveTable::name);
    const auto sane = [](std::int64_t n) { return n >= 0 && n < kRowLimit; };
    for (std::size_t i = 0; i < plan_.moves.size(); ++i) {
      if (!check_per_rank("moves", i, plan_.moves[i].of)) continue;
      for (const RowMoves& table : plan_.moves[i].of.distinct) {
        if (!sane(table.rows_out)) {
          add("moves", i, fmt::format("{} rows of the destination", table.rows_out));
        }
        for (const Move& m : table.moves) {
          if (sane(m.from) && sane(m.to) && sane(m.count) && m.count > 0) continue;
          add("moves", i, fmt::format("moves {} rows from {} to {}", m.count, m.from, m.to));
        }
      }
    }
  }

  void check_sizes() {
    check_unique_names("sizes", plan_.sizes, &SizeTable::name);
    for (std::size_t i = 0; i < plan_.sizes.size(); ++i) {
      std::int64_t total = 0;
      for (const std::int64_t size : plan_.sizes[i].sizes) {
        if (size < 0) add("sizes", i, fmt::format("has the negative size {}", size));
        if (size > 0) total = size < kRowLimit - total ? total + size : kRowLimit;
      }
      if (total >= kRowLimit) add("sizes", i, "adds up to 2^31 rows or more");
    }
  }

  void check_placements() {
    check_unique_names("placements", plan_.placements, &PlacementTable::name);
    for (std::size_t i = 0; i < plan_.placements.size(); ++i) {
      if (!check_per_rank("placements", i, plan_.placements[i].of)) continue;
      for (const std::vector<ShareRange>& ranges : plan_.placements[i].of.distinct) {
        std::int64_t total = 0;
        for (const ShareRange& r : ranges) {
          const bool sane = r.first >= 0 && r.first < r.last && r.last <= kLargestShareCount;
          if (!sane) add("placements", i, fmt::format("has shares {} to {}", r.first, r.last));
          if (sane) total = std::min<std::int64_t>(total + r.last - r.first, kLargestShareCount);
        }
        if (total >= kLargestShareCount) add("placements", i, "has 2^24 shares or more on a rank");
      }
    }
  }

  void check_tensors() {
    check_unique_names("tensors", plan_.tensors, &Tensor::name);
    for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
      const Tensor& t = plan_.tensors[i];
      if (!is_columns_name(t.columns)) {
        add("tensors", i,
            fmt::format("columns are hidden, vocab, experts, qk_statistics or a number, not '{}'",
                        t.columns));
      }
      if (t.columns == "experts" && plan_.model.n_routed_experts == 0) {
        add("tensors", i, "has a column per expert of a model without experts");
      }
      if (t.buffer.empty()) add("tensors", i, "lives in no buffer");
      if (t.dtype.empty()) add("tensors", i, "has no data type");
    }
  }

  void check_terms() {
    constexpr int kNormsAndResiduals =
        3;  // Term::index: before attention, before feed-forward, end
    check_unique_names("terms", plan_.terms, &Term::name);
    for (std::size_t i = 0; i < plan_.terms.size(); ++i) {
      const Term& t = plan_.terms[i];
      if (t.step < 0 || static_cast<std::size_t>(t.step) >= plan_.steps.size()) {
        add("terms", i, fmt::format("step {} of {}", t.step, plan_.steps.size()));
      }
      if (t.layer < -1 || t.layer > plan_.model.num_hidden_layers) {
        add("terms", i,
            fmt::format("layer {} of a model with {}", t.layer, plan_.model.num_hidden_layers));
      }
      if (t.index < 0 || t.index >= kNormsAndResiduals) {
        add("terms", i, fmt::format("index {}; it must be 0 to 2", t.index));
      }
      if (t.kind == TermKind::bias && t.shares != 1) {
        add("terms", i, fmt::format("a bias has 1 share, not {}", t.shares));
      }
      if (t.shares < 1 || t.shares > kLargestShareCount) {
        add("terms", i, fmt::format("{} shares; it must be 1 to 2^24", t.shares));
      }
      if (t.combine == Reduction::average) add("terms", i, "shares make no whole by their average");
      const bool is_earlier = t.same_as.exists() && t.same_as.index() < i;
      if (t.same_as.value != -1 && !is_earlier) {
        add("terms", i, "is the same quantity as a term that does not stand before it");
      }
    }
  }

  bool is_term(TermId id) const { return id.exists() && id.index() < plan_.terms.size(); }

  // A part that is itself a handle must be closed before, so that opening handles always ends.
  void check_closings() {
    std::vector<bool> closed(plan_.terms.size(), false);
    std::vector<bool> ever_closed(plan_.terms.size(), false);
    for (const Closing& c : plan_.closings) {
      if (is_term(c.handle)) ever_closed[c.handle.index()] = true;
    }
    for (std::size_t i = 0; i < plan_.closings.size(); ++i) {
      const Closing& c = plan_.closings[i];
      if (!is_term(c.handle) ||
          !std::ranges::all_of(c.parts, [&](TermId t) { return is_term(t); })) {
        add("closings", i, "refers to a term that does not exist");
        continue;
      }
      const std::string& name = plan_.term(c.handle).name;
      if (closed[c.handle.index()]) add("closings", i, fmt::format("closes {} again", name));
      if (c.parts.empty()) add("closings", i, fmt::format("{} has no parts", name));
      for (const TermId part : c.parts) {
        if (!ever_closed[part.index()] || closed[part.index()]) continue;
        add("closings", i,
            fmt::format("{} is a part of {} before it is closed itself", plan_.term(part).name,
                        name));
      }
      closed[c.handle.index()] = true;
    }
  }

  bool is_group_or_none(GroupId id) const {
    return id.value == -1 || (id.exists() && id.index() < plan_.groups.size());
  }

  void check_specs() {
    for (std::size_t i = 0; i < plan_.specs.size(); ++i) {
      const StateSpec& s = plan_.specs[i];
      const bool in_range = s.rows.exists() && s.rows.index() < plan_.layouts.size() &&
                            std::ranges::all_of(s.terms, [&](TermId t) { return is_term(t); }) &&
                            is_group_or_none(s.partial_over) && is_group_or_none(s.columns_over);
      if (!in_range) {
        add("specs", i, "refers to rows, a term or a group that does not exist");
        continue;
      }
      std::vector<TermId> sorted = s.terms;
      std::ranges::sort(sorted);
      const auto twice = std::ranges::adjacent_find(sorted);
      if (twice != sorted.end()) {
        add("specs", i, fmt::format("has {} twice", plan_.term(*twice).name));
      }
      if (s.partial_over.exists() && s.columns_over.exists()) {
        add("specs", i, "is partial over one group and sliced over another");
      }
    }
  }

  void check_reasons() {
    for (std::size_t i = 0; i < plan_.reasons.size(); ++i) {
      std::unordered_set<std::string_view> seen;
      if (plan_.reasons[i].rule.empty()) add("reasons", i, "has no rule");
      for (const auto& [name, value] : plan_.reasons[i].inputs) {
        if (!seen.insert(name).second) {
          add("reasons", i, fmt::format("has the input {} twice", name));
        }
      }
    }
  }

  const Plan& plan_;
  std::vector<PlanFault> faults_;
};

}  // namespace

std::vector<PlanFault> table_faults(const Plan& plan) { return TableChecks(plan).faults(); }

}  // namespace lockstep
