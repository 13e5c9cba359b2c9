#include "tools/kernel_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/foreign_json.h"
#include "tools/kernel_shapes.h"

namespace lockstep::tools {
namespace {

using Json = nlohmann::ordered_json;

Diagnostic fault_in(const std::string& file, const std::string& what) {
  return plain_fault(fmt::format("{}: {}", file, what),
                     "give what `lockstep kernel KIND --measure --json FILE` wrote");
}

Result<MeasuredKernel> row_of(const std::string& kind, const Json& row) {
  const Json& said = member(row, "shape");
  if (!said.is_object()) throw Unlike{"'shape' must be keys and texts"};
  ShapeText shape;
  for (const auto& [name, value] : said.items())
    shape.emplace_back(name, text_of(said, name.c_str()));
  const Result<Kernel> kernel = kernel_of(kind, shape);
  if (!kernel) return kernel.faults();
  const Json& time = member(row, "measured");
  const MeasuredKernel measured{*kernel, number_of(time, "median_us"), number_of(time, "low_us"),
                                number_of(time, "high_us")};
  if (measured.median_us > 0) return measured;
  return plain_fault("a median_us that is not above 0");
}

Result<std::vector<MeasuredKernel>> rows_of(const Json& json, const std::string& file) {
  const std::string schema = text_of(json, "schema");
  if (schema != "lockstep.kernel/1") return fault_in(file, "its schema is " + schema);
  const std::string kind = text_of(json, "kernel");
  const std::vector<std::string> kinds = kernel_kinds();
  if (std::ranges::find(kinds, kind) == kinds.end()) return fault_in(file, "no kernel is " + kind);
  std::vector<MeasuredKernel> rows;
  for (const Json& row : member(json, "rows")) {
    if (!row.contains("measured")) continue;
    const Result<MeasuredKernel> measured = row_of(kind, row);
    if (!measured) return fault_in(file, measured.faults().front().message);
    rows.push_back(*measured);
  }
  return rows;
}

}  // namespace

Result<std::vector<MeasuredKernel>> read_kernel_rows(const std::string& text,
                                                     const std::string& file) {
  Result<std::vector<MeasuredKernel>> rows = std::vector<MeasuredKernel>();
  const auto fault = read_json(text, [&](const Json& json) { rows = rows_of(json, file); });
  if (fault) return fault_in(file, *fault);
  return rows;
}

}  // namespace lockstep::tools
