// A model family: what a serving system's model file produces, sums and asks. Data, not code
// (scenarios/families/*.yaml), so that somebody who ports a model checks its contract before
// writing it. docs/families.md specifies the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/yaml.h"

namespace lockstep {

// One text of a rule as the family has it.
struct FamilyRuleVersion {
  int pull_request = 0;
  bool attributed = true;  // `from`; false: `by`, in force then at the latest (RuleVersion)
  std::string expression;
  std::string fact;                        // what `unknown` in the expression stands for
  std::vector<std::string> architectures;  // for these only, false for others; empty: for all
  bool operator==(const FamilyRuleVersion&) const = default;
};

// Takes the place of the whole history that the system gives the rule.
struct FamilyRule {
  std::string rule;
  std::string file;
  std::string function;
  std::vector<FamilyRuleVersion> history;
  bool operator==(const FamilyRule&) const = default;
};

// A layout that the model file does not run.
struct FamilyRefusal {
  std::string when;  // a rule expression
  std::string key;   // of the scenario, to blame: "parallel.moe_a2a_backend"
  std::string because;
  bool operator==(const FamilyRefusal&) const = default;
};

struct Family {
  std::string name;  // "qwen3_moe"
  std::string about;
  std::string file;  // models/qwen3_moe.py
  std::vector<std::string> architectures;
  std::vector<FamilyRule> rules;
  std::vector<FamilyRefusal> refusals;
  bool o_proj_sums = false;        // the attention module sums its output itself
  bool o_proj_bias = false;        // it has a bias where config.json says attention_bias
  bool qk_norm_all_heads = false;  // queries and keys are normed over the heads of all ranks
  bool operator==(const Family&) const = default;
};

// Reads a family file. All faults at once, each with its place; a rule's expression is checked.
Result<Family> read_family(const Document& document);

// The shipped family that names `architecture`; an error that names the nearest that one names.
Result<Family> family_of(std::string_view architecture);

// True if a shipped family names it.
bool is_modelled(std::string_view architecture);

// Architectures that a shipped family names, sorted.
std::vector<std::string> modelled_architectures();

// The shipped family files, by name.
struct FamilyText {
  std::string_view name;
  std::string_view text;
};
std::vector<FamilyText> family_texts();

}  // namespace lockstep
