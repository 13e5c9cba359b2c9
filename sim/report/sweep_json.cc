#include "sim/report/sweep_report.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

Json settings_json(const std::vector<SweepAxis>& axes, const SweepRow& row) {
  Json json = Json::object();
  for (std::size_t i = 0; i < axes.size(); ++i) {
    for (const std::string& path : axes[i].paths) json[path] = row.values[i];
  }
  return json;
}

Json optional_text(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json row_json(const std::vector<SweepAxis>& axes, const SweepRow& row) {
  Json json;
  json["settings"] = settings_json(axes, row);
  json["verdict"] = row.verdict;
  json["code"] = optional_text(row.code);
  json["fits"] = row.fits ? Json(*row.fits) : Json(nullptr);
  for (std::size_t m = 0; m < kMeasures.size(); ++m) {
    const std::optional<double>& value = row.measures[m];
    json[std::string(kMeasures[m].name)] = value ? Json(*value) : Json(nullptr);
  }
  json["front"] = row.marks.starts_with("front");
  json["reason"] = optional_text(row.reason);
  return json;
}

// By measure: the points, counted from 0, that have its best value.
Json best_json(const SweepResult& result) {
  Json json = Json::object();
  for (const std::size_t m : result.pareto) {
    const std::string mark = "best " + std::string(kMeasures[m].name);
    Json points = Json::array();
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
      if ((result.rows[i].marks + ";").find(mark + ";") != std::string::npos) points.push_back(i);
    }
    json[std::string(kMeasures[m].name)] = points;
  }
  return json;
}

}  // namespace

Json sweep_json(const SweepResult& result) {
  Json json;
  json["schema"] = "lockstep.sweep/1";
  json["scenario"] = result.scenario;
  json["scenario_hash"] = result.hash;
  json["over"] = Json::array();
  for (const SweepAxis& axis : result.axes) {
    json["over"].push_back({{"paths", axis.paths}, {"values", axis.values}});
  }
  json["grid"] = result.grid;
  json["seed"] = result.seed ? Json(*result.seed) : Json(nullptr);
  json["kept"] = result.kept;
  json["pareto"] = Json::array();
  for (const std::size_t m : result.pareto) json["pareto"].push_back(kMeasures[m].name);
  json["points"] = Json::array();
  for (const SweepRow& row : result.rows) json["points"].push_back(row_json(result.axes, row));
  json["best"] = best_json(result);
  return json;
}

}  // namespace lockstep
