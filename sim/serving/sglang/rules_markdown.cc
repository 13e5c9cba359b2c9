#include <fmt/format.h>

#include "sim/base/require.h"
#include "sim/serving/sglang/rules.h"

namespace lockstep::sglang {
namespace {

std::string_view type_name(ValueType type) {
  return type == ValueType::boolean ? "bool" : type == ValueType::integer ? "int" : "symbol";
}

std::string common_table() {
  std::string text = "| rule | from | expression |\n|---|---|---|\n";
  for (const Rule& rule : common_rules()) {
    for (const RuleVersion& version : rule.history) {
      text += fmt::format("| `{}` | {}#{} | `{}` |\n", rule.name, version.attributed ? "" : "by ",
                          version.pull_request, version.expression);
    }
    if (rule.history.empty()) text += fmt::format("| `{}` | | the family's |\n", rule.name);
  }
  text += "\n| rule | file | function |\n|---|---|---|\n";
  for (const Rule& rule : common_rules()) {
    text += fmt::format("| `{}` | {} | {} |\n", rule.name, rule.file,
                        rule.function.empty() ? "" : fmt::format("`{}`", rule.function));
  }
  return text;
}

std::string family_table() {
  std::string text = "\n| family | rule | from | expression |\n|---|---|---|---|\n";
  for (const FamilyText& file : family_texts()) {
    const Result<Document> document = parse_yaml(std::string(file.text), std::string(file.name));
    LOCKSTEP_ASSERT(static_cast<bool>(document));
    const Result<Family> family = read_family(*document);
    LOCKSTEP_ASSERT(static_cast<bool>(family));
    for (const FamilyRule& rule : family->rules) {
      for (const FamilyRuleVersion& version : rule.history) {
        text +=
            fmt::format("| {} | `{}` | {}#{} | `{}` |\n", family->name, rule.rule,
                        version.attributed ? "" : "by ", version.pull_request, version.expression);
      }
    }
  }
  return text;
}

std::string input_table() {
  std::string text = "\n| input | type | meaning |\n|---|---|---|\n";
  for (std::size_t i = 0; i < kInputs; ++i) {
    const InputInfo& input = info(static_cast<Input>(i));
    std::string values;
    for (const Symbol s : input.domain) values += fmt::format(" `{}`", to_string(s));
    text += fmt::format("| `{}` | {}{} | {} |\n", input.name, type_name(input.type), values,
                        input.meaning);
  }
  return text;
}

}  // namespace

std::string rules_as_markdown() { return common_table() + family_table() + input_table(); }

}  // namespace lockstep::sglang
