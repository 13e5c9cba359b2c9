#include "sim/base/hash.h"
#include "sim/base/text.h"
#include "sim/report/check_report.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

Json operation_json(const contract::OperationRef& ref) {
  if (ref.index < 0) return nullptr;
  Json json{{"operation", ref.index}, {"kind", ref.kind}, {"name", ref.name}};
  if (ref.line > 0) json["line"] = ref.line;
  return json;
}

Json reason_json(const Reason& reason) {
  Json inputs = Json::object();
  for (const auto& [name, value] : reason.inputs) inputs[name] = value;
  return {{"rule", reason.rule},
          {"value", reason.value},
          {"inputs", inputs},
          {"source",
           {{"file", reason.file}, {"function", reason.function}, {"changes", reason.changes}}}};
}

Json coefficients_json(const std::vector<contract::Coefficient>& coefficients) {
  Json list = Json::array();
  for (const contract::Coefficient& c : coefficients) {
    list.push_back({{"terms", Json::array({c.term})},
                    {"shares", c.shares},
                    {"rows", c.rows},
                    {"ranks", ranks_json(c.ranks)},
                    {"value", to_string(c.value)}});
  }
  return list;
}

Json explained_json(const std::vector<Explanation>& explanations) {
  Json list = Json::array();
  for (const Explanation& e : explanations) {
    list.push_back({{"pull_request", e.pull_request},
                    {"toggled", e.added ? "added" : "removed"},
                    {"holds", e.holds}});
  }
  return list;
}

Json violation_json(const Plan& plan, const contract::Violation& v,
                    const std::vector<Explanation>& explanations) {
  Json because = Json::array();
  for (const ReasonId id : v.because) because.push_back(reason_json(plan.reason(id)));
  Json cycle = Json::array();
  for (const contract::OperationRef& ref : v.cycle) cycle.push_back(operation_json(ref));
  Json json = {{"code", to_string(v.code)},
               {"step", v.site.step},
               {"layer", v.site.layer >= 0 ? Json(v.site.layer) : Json()},
               {"module", v.site.module},
               {"operation", v.operation.kind},
               {"operation_index", v.operation.index},
               {"group", v.group.empty() ? Json() : Json(v.group)},
               {"group_object", v.group_object.empty() ? Json() : Json(v.group_object)},
               {"group_size", v.group_size},
               {"ranks", ranks_json(v.ranks)},
               {"terms", v.terms},
               {"factor", v.factor ? Json(to_string(*v.factor)) : Json()},
               {"coefficients", coefficients_json(v.coefficients)},
               {"producer", operation_json(v.producer)},
               {"consumer", operation_json(v.consumer)},
               {"because", because},
               {"repaired_to", v.repaired_to.empty() ? Json() : Json(v.repaired_to)}};
  if (!v.stopped_at.empty()) json["stopped_at"] = v.stopped_at;
  if (!v.cycle.empty()) json["cycle"] = cycle;
  json["message"] = v.message;
  json["explained_by"] = explained_json(explanations);
  json["fixes"] = Json::array();
  return json;
}

Json fixes_json(const std::vector<Fix>& fixes) {
  Json list = Json::array();
  for (const Fix& fix : fixes) {
    Json settings = Json::object();
    for (const Setting& s : fix.settings) settings[s.path] = s.value;
    list.push_back({{"kind", fix.kind}, {"description", fix.description}, {"set", settings}});
  }
  return list;
}

}  // namespace

// Origin::asked is "24785^ with #24785 without #22642" where changes were toggled.
Json revision_json(const Origin& origin) {
  const std::vector<std::string> words = split(origin.asked, ' ');
  Json json = {
      {"asked", words.front()}, {"resolved_after", origin.resolved_after}, {"epoch", origin.epoch}};
  if (words.size() == 1) return json;
  json["with"] = Json::array();
  json["without"] = Json::array();
  std::string list;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto number =
        words[i].starts_with('#') ? parse_integer(words[i].substr(1)) : std::optional<long long>();
    if (number && json.contains(list)) {
      json[list].push_back(*number);
    } else {
      list = words[i];
    }
  }
  return json;
}

Json ranks_json(const RankSet& ranks) {
  constexpr int kLongestList = 64;
  if (ranks.size() > kLongestList) return to_string(ranks);
  return ranks.to_vector();
}

Json check_json(const CheckedPlan& checked) {
  const contract::CheckResult& result = checked.result;
  Json violations = Json::array();
  for (std::size_t i = 0; i < result.violations.size(); ++i) {
    const bool asked = i < checked.explained.size();
    violations.push_back(violation_json(checked.plan, result.violations[i],
                                        asked ? checked.explained[i] : std::vector<Explanation>{}));
  }
  // A fix is of the scenario as a whole; it stands with the first violation.
  if (!violations.empty()) violations[0]["fixes"] = fixes_json(checked.fixes);
  Json notes = checked.plan.notes;
  for (const std::string& why : result.unknown) notes.push_back("unknown: " + why);
  Json json = {{"schema", "lockstep.check/1"},
               {"scenario", checked.scenario},
               {"verdict", to_string(result.verdict)},
               {"revision", revision_json(checked.plan.origin)},
               {"plan_hash", hex64(hash(checked.plan))},
               {"violations", violations},
               {"notes", notes},
               {"stats",
                {{"ranks", checked.plan.world},
                 {"layers", checked.plan.model.num_hidden_layers},
                 {"operations", checked.plan.operations.size()}}}};
  if (!result.reach.empty()) {
    Json reach = Json::array();
    for (const Site& site : result.reach) {
      reach.push_back({{"step", site.step}, {"layer", site.layer}, {"module", site.module}});
    }
    json["reach"] = reach;
  }
  json["measured"] = {
      {"wall_ms", checked.wall_ms}, {"lower_ms", checked.lower_ms}, {"check_ms", checked.check_ms}};
  return json;
}

}  // namespace lockstep
