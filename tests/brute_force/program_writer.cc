#include "tests/brute_force/program_writer.h"

#include <algorithm>

namespace lockstep::test {
namespace {

RowMap runs_of(const Tokens& tokens) {
  RowMap map;
  for (const std::int64_t token : tokens) {
    const bool continues =
        !map.empty() && (token == kPadding ? map.back().token == kPadding
                                           : map.back().token != kPadding &&
                                                 map.back().token + map.back().count == token);
    if (continues) {
      ++map.back().count;
    } else {
      map.push_back({token, 1});
    }
  }
  return map;
}

}  // namespace

TensorId ProgramWriter::tensor(const std::string& columns) {
  const std::string named = name("x", plan().tensors);
  return builder_.tensor({named, named, columns, "bfloat16"});
}

const char* ProgramWriter::any_columns() {
  constexpr const char* kWide[] = {"hidden", "hidden", "12", "10"};
  constexpr const char* kNarrow[] = {"hidden", "hidden", "4", "6"};
  return (narrow_ ? kNarrow : kWide)[below(4)];
}

TermId ProgramWriter::term(TermKind kind, int shares, Reduction combine) {
  Term term;
  term.name = name("t", plan().terms);
  term.kind = kind;
  term.step = step_;
  term.layer = kind == TermKind::embedding || kind == TermKind::logits ? -1 : 0;
  term.shares = shares;
  term.combine = combine;
  return builder_.term(term);
}

LayoutId ProgramWriter::layout(const std::vector<Tokens>& rows) {
  const auto known = layouts_.find(rows);
  if (known != layouts_.end()) return known->second;
  std::vector<RowMap> maps;
  for (const Tokens& tokens : rows) maps.push_back(runs_of(tokens));
  const LayoutId id = builder_.layout(name("rows", plan().layouts), maps);
  layouts_.emplace(rows, id);
  return id;
}

SpecId ProgramWriter::spec(const Live& live) {
  return builder_.spec({layout(live.rows), live.terms, live.partial, live.sliced});
}

MovesId ProgramWriter::moves(std::vector<RowMoves> per_rank) {
  return builder_.moves(name("moves", plan().moves), std::move(per_rank));
}

SizesId ProgramWriter::sizes(std::vector<std::int64_t> sizes) {
  return builder_.sizes(name("sizes", plan().sizes), std::move(sizes));
}

PlacementId ProgramWriter::placement(std::vector<std::vector<ShareRange>> per_rank) {
  return builder_.placement(name("placement", plan().placements), std::move(per_rank));
}

Operation& ProgramWriter::add(OpKind kind) {
  static constexpr const char* kModules[] = {"mlp", "moe", "attention"};
  Operation op;
  op.kind = kind;
  op.name = to_string(kind);
  op.site = {step_, chance(1, 4) ? -1 : 0, kModules[below(3)]};
  return builder_.append(std::move(op));
}

Operation& ProgramWriter::add(OpKind kind, const Live& from, const Live& to) {
  const SpecId declared = spec(to);
  Operation& op = add(kind);
  op.in = {{from.tensor, SpecId::none()}};
  op.out = {{to.tensor, declared}};
  return op;
}

GroupId ProgramWriter::any_group() {
  return GroupId{below(static_cast<int>(plan().groups.size()))};
}

bool ProgramWriter::same_in_parts(const Live& live, GroupId group) const {
  return std::ranges::all_of(parts(group), [&](const std::vector<int>& part) {
    return std::ranges::all_of(part, [&](int rank) {
      return live.rows[static_cast<std::size_t>(rank)] ==
             live.rows[static_cast<std::size_t>(part.front())];
    });
  });
}

bool ProgramWriter::equal_counts(const Live& live, GroupId group) const {
  return std::ranges::all_of(parts(group), [&](const std::vector<int>& part) {
    return std::ranges::all_of(part, [&](int rank) {
      return live.rows[static_cast<std::size_t>(rank)].size() ==
             live.rows[static_cast<std::size_t>(part.front())].size();
    });
  });
}

}  // namespace lockstep::test
