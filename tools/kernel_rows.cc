#include "tools/kernel_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/kernel_shapes.h"

namespace lockstep::tools {
namespace {

using Json = nlohmann::ordered_json;

Diagnostic fault_in(const std::string& file, const std::string& what) {
  return plain_fault(fmt::format("{}: {}", file, what),
                     "give what `lockstep kernel KIND --measure --json FILE` wrote");
}

// Throws what Json throws where the row is not as it must be.
Result<MeasuredKernel> row_of(const std::string& kind, const Json& row) {
  ShapeText shape;
  for (const auto& [name, value] : row.at("shape").items()) {
    shape.emplace_back(name, value.get<std::string>());
  }
  const Result<Kernel> kernel = kernel_of(kind, shape);
  if (!kernel) return kernel.faults();
  const Json& time = row.at("measured");
  MeasuredKernel measured{*kernel, time.at("median_us"), time.at("low_us"), time.at("high_us")};
  if (measured.median_us > 0) return measured;
  return plain_fault("a median_us that is not above 0");
}

Result<std::vector<MeasuredKernel>> rows_of(const Json& json, const std::string& file) {
  const std::string schema = json.at("schema");
  if (schema != "lockstep.kernel/1") return fault_in(file, "its schema is " + schema);
  const std::string kind = json.at("kernel");
  const std::vector<std::string> kinds = kernel_kinds();
  if (std::ranges::find(kinds, kind) == kinds.end()) return fault_in(file, "no kernel is " + kind);
  std::vector<MeasuredKernel> rows;
  for (const Json& row : json.at("rows")) {
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
  try {
    return rows_of(Json::parse(text), file);
  } catch (const Json::exception& error) {
    return fault_in(file, error.what());
  }
}

}  // namespace lockstep::tools
