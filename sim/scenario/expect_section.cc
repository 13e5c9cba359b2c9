#include "sim/scenario/expect_section.h"

#include "sim/base/rank_set.h"
#include "sim/base/rational.h"

namespace lockstep {
namespace {

constexpr std::string_view kSection = "expect";
constexpr std::string_view kViolation = "expect.first";
constexpr int kMostLayers = 10'000;

void read_factor(Checker& checker, const Node& map, ExpectedViolation& expected) {
  const Node* value = map.find("factor");
  if (value == nullptr) return;
  const Rational factor = value->is_scalar() ? parse_rational(value->text) : Rational::overflow();
  if (factor.overflowed()) return checker.wrong_type(*value, key_at("expect.first.factor"));
  expected.factor = to_string(factor);
}

ExpectedViolation read_violation(Checker& checker, const Node& map) {
  ExpectedViolation expected;
  if (!checker.is_map(map, kViolation)) return expected;
  checker.refuse_unknown_keys(map, kViolation);
  checker.read(map, kViolation, "code", expected.code);
  checker.read(map, kViolation, "step", expected.step);
  checker.read(map, kViolation, "layer", expected.layer);
  checker.read(map, kViolation, "module", expected.module);
  checker.read(map, kViolation, "group", expected.group);
  checker.read(map, kViolation, "operation", expected.operation);
  checker.read(map, kViolation, "explained_by", expected.explained_by);
  read_factor(checker, map, expected);
  return expected;
}

std::optional<std::vector<int>> layer_list(const Node& value) {
  if (value.is_scalar()) {
    const std::optional<RankSet> set = parse_rank_set(value.text);
    if (!set || set->empty() || set->size() > kMostLayers) return std::nullopt;
    return set->to_vector();
  }
  if (!value.is_sequence()) return std::nullopt;
  std::vector<int> layers;
  for (const Node& item : value.items) {
    const auto layer = item.as_integer();
    if (!layer || *layer < -1 || *layer > kMostLayers) return std::nullopt;
    layers.push_back(static_cast<int>(*layer));
  }
  return layers;
}

void read_layers(Checker& checker, const Node& map, Expect& expect) {
  const Node* value = map.find("layers");
  if (value == nullptr) return;
  expect.layers = layer_list(*value);
  if (!expect.layers) checker.wrong_type(*value, key_at("expect.layers"));
}

void read_all(Checker& checker, const Node& map, Expect& expect) {
  const Node* list = map.find("all");
  if (list == nullptr) return;
  if (!list->is_sequence()) return checker.wrong_type(*list, key_at("expect.all"));
  expect.all.emplace();
  for (const Node& item : list->items) expect.all->push_back(read_violation(checker, item));
}

// What can never be met is a fault of the file, not a failed test.
void check_consistency(Checker& checker, const Node& map, const Expect& expect) {
  const bool none = expect.verdict && *expect.verdict == "holds";
  const bool some = expect.first || (expect.count && *expect.count > 0) ||
                    (expect.layers && !expect.layers->empty()) ||
                    (expect.all && !expect.all->empty());
  if (none && some) {
    checker.fault(map, "'verdict: holds' and expected violations exclude each other");
  }
  if (expect.verdict && *expect.verdict == "violated" && expect.count && *expect.count == 0) {
    checker.fault(map, "'verdict: violated' and 'count: 0' exclude each other");
  }
}

}  // namespace

std::optional<Expect> read_expect(Checker& checker, const Node& root) {
  const Node* map = root.find(kSection);
  if (map == nullptr) return std::nullopt;
  return read_expectation(checker, *map);
}

Expect read_expectation(Checker& checker, const Node& map) {
  Expect expect;
  if (!checker.is_map(map, kSection)) return expect;
  checker.refuse_unknown_keys(map, kSection);
  checker.read(map, kSection, "verdict", expect.verdict);
  checker.read(map, kSection, "count", expect.count);
  checker.read(map, kSection, "replay", expect.replay);
  if (const Node* first = map.find("first")) expect.first = read_violation(checker, *first);
  read_layers(checker, map, expect);
  read_all(checker, map, expect);
  check_consistency(checker, map, expect);
  return expect;
}

}  // namespace lockstep
