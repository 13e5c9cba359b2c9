#include "sim/cost/kernels/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "sim/cost/kernels/descent.h"
#include "sim/cost/kernels/estimate.h"
#include "sim/cost/nccl/least_squares.h"

namespace lockstep {
namespace {

constexpr std::string_view kKinds[] = {"gemm",           "experts", "prefill",
                                       "latent_prefill", "decode",  "elementwise"};

// What is fitted together: kinds, and the beginnings of their constants' paths.
struct Family {
  std::string_view name;
  std::array<std::string_view, 3> kinds;
  std::array<std::string_view, 4> paths;
};
constexpr Family kFamilies[] = {
    {"gemm", {"gemm"}, {"gpu.gemm.bf16."}},
    {"experts", {"experts"}, {"gpu.experts.bf16."}},
    {"attention",
     {"prefill", "latent_prefill", "decode"},
     {"gpu.prefill.bf16.", "gpu.latent_prefill.bf16.", "gpu.decode.bf16.",
      "gpu.attention.blocks_per_sm"}},
    {"elementwise",
     {"elementwise"},
     {"gpu.elementwise.", "gpu.norm.row_us", "gpu.norm.columns_us"}},
};

// Where a constant of the base is 0 there is nothing to multiply.
constexpr double kLeastTime = 0.01;
constexpr double kMostFloor = 500;  // us: no kernel's smallest shape takes more
// Relative errors beyond it count less than by their square.
constexpr double kErrorScale = 0.05;

struct KindOf {
  std::string operator()(const Gemm& gemm) const {
    const bool fits = is_wide(gemm.weights) && is_wide(gemm.activations);
    return fits ? "gemm" : "";
  }
  std::string operator()(const ExpertsGemm& experts) const {
    const bool fits = is_wide(experts.weights) && is_wide(experts.activations);
    return fits ? "experts" : "";
  }
  std::string operator()(const Attention& attention) const {
    if (attention.cache != Number::bf16) return "";
    if (attention.decode) return attention.latent ? "" : "decode";
    return attention.latent ? "latent_prefill" : "prefill";
  }
  std::string operator()(const Elementwise&) const { return "elementwise"; }
  std::string operator()(const TopK&) const { return ""; }

  static bool is_wide(Number number) { return number == Number::bf16 || number == Number::fp16; }
};

double predicted(const MeasuredKernel& row, const Hardware& hardware) {
  return kernel_estimate(row.kernel, hardware.gpu).total_us();
}

double error(const MeasuredKernel& row, const Hardware& hardware) {
  return std::abs(predicted(row, hardware) / row.median_us - 1);
}

double& value(const HardwareField& field, Hardware& hardware) { return field.of(hardware); }

// One kind of rows, or several, with the constants that are theirs.
class Fit {
 public:
  Fit(const Family& family, std::span<const MeasuredKernel> rows, const Hardware& base)
      : base_(base) {
    for (const MeasuredKernel& row : rows) {
      const std::string kind = fitted_kind(row.kernel);
      if (!kind.empty() && std::ranges::find(family.kinds, kind) != family.kinds.end()) {
        rows_.push_back(row);
      }
    }
    for (const HardwareField& field : gpu_fields()) {
      const auto is_its = [&](std::string_view path) {
        return !path.empty() && field.path.starts_with(path);
      };
      if (std::ranges::any_of(family.paths, is_its) && matters(field)) fields_.push_back(field);
    }
  }

  std::size_t rows() const { return rows_.size(); }
  std::span<const HardwareField> fields() const { return fields_; }

  // A kernel may be far slower than the base's, and steps find no way there one by one: also from
  // an eighth of its efficiency.
  Hardware best() const {
    std::vector<Range> ranges;
    for (const HardwareField& field : fields_) ranges.push_back(range(field));
    const Cost cost = [this](std::span<const double> at) { return this->cost(with(at)); };
    Descent least;
    for (const double slower : {1.0, 8.0}) {
      Descent found = descended(cost, start(ranges, slower), ranges);
      if (least.at.empty() || found.cost < least.cost) least = std::move(found);
    }
    for (double& constant : least.at) {
      constant = std::strtod(fmt::format("{:.4g}", constant).c_str(), nullptr);
    }
    return with(least.at);
  }

 private:
  bool matters(const HardwareField& field) const {
    const auto changes = [&](double to) {
      Hardware moved = base_;
      value(field, moved) = to;
      return std::ranges::any_of(rows_, [&](const MeasuredKernel& row) {
        return predicted(row, moved) != predicted(row, base_);
      });
    };
    return changes(field.most) || changes(std::max(field.least, kLeastTime));
  }
  static Range range(const HardwareField& field) {
    const double least = std::max(field.least, field.unit == "us" ? kLeastTime : 0.0);
    return {least, field.unit == "us" ? std::min(field.most, kMostFloor) : field.most};
  }
  std::vector<double> start(std::span<const Range> ranges, double slower) const {
    std::vector<double> at;
    Hardware copy = base_;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const bool is_efficiency = fields_[i].path.ends_with(".efficiency");
      const double first = value(fields_[i], copy) / (is_efficiency ? slower : 1);
      at.push_back(std::clamp(first, ranges[i].least, ranges[i].most));
    }
    return at;
  }
  Hardware with(std::span<const double> at) const {
    Hardware hardware = base_;
    for (std::size_t i = 0; i < at.size(); ++i) value(fields_[i], hardware) = at[i];
    return hardware;
  }
  double cost(const Hardware& hardware) const {
    std::vector<double> residuals;
    for (const MeasuredKernel& row : rows_) {
      const double ratio = predicted(row, hardware) / row.median_us;
      residuals.push_back(ratio >= 1 ? ratio - 1 : 1 - 1 / ratio);
    }
    return robust_cost(residuals, kErrorScale);
  }

  const Hardware& base_;
  std::vector<MeasuredKernel> rows_;
  std::vector<HardwareField> fields_;
};

// The replay's kernel (backend/nccl/kernels_attention.cu): a block of 128 threads for each query
// and head, a thread a column; a launch for each request.
void set_attention(GpuConstants& gpu) {
  gpu.attention.query_rows = 1;
  gpu.attention.head_columns = 128;
  gpu.attention.apart = 1;
}

double middle(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

KindError error_of(std::string_view kind, std::span<const MeasuredKernel> rows,
                   const Hardware& base, const Hardware& fitted) {
  std::vector<double> before, after, spreads;
  for (const MeasuredKernel& row : rows) {
    if (fitted_kind(row.kernel) != kind) continue;
    before.push_back(error(row, base));
    after.push_back(error(row, fitted));
    spreads.push_back((row.high_us - row.low_us) / row.median_us);
  }
  if (after.empty()) return {};
  const double worst = *std::ranges::max_element(after);
  return {std::string(kind), static_cast<int>(after.size()),
          middle(spreads),   middle(before),
          middle(after),     worst};
}

}  // namespace

std::string fitted_kind(const Kernel& kernel) { return std::visit(KindOf{}, kernel); }

Result<KernelCalibration> calibrate_kernels(std::span<const MeasuredKernel> rows,
                                            const Hardware& base) {
  KernelCalibration told{base, {}, {}, 0};
  Diagnostics faults;
  for (const Family& family : kFamilies) {
    Hardware start = told.hardware;
    if (family.name == "attention") set_attention(start.gpu);
    const Fit fit(family, rows, start);
    if (fit.rows() == 0) continue;
    if (fit.rows() < 2 * fit.fields().size()) {
      faults.push_back(
          plain_fault(fmt::format("{}: {} rows were measured, and {} constants are fitted to them",
                                  family.name, fit.rows(), fit.fields().size()),
                      fmt::format("measure {} shapes at least", 2 * fit.fields().size())));
      continue;
    }
    told.hardware = fit.best();
  }
  if (!faults.empty()) return faults;
  Hardware before = base;
  for (const HardwareField& field : gpu_fields()) {
    const double old = field.of(before);
    const double now = field.of(told.hardware);
    if (old != now) told.fitted.push_back({std::string(field.path), old, now});
  }
  for (const std::string_view kind : kKinds) {
    KindError error = error_of(kind, rows, base, told.hardware);
    if (error.rows > 0) told.kinds.push_back(std::move(error));
  }
  for (const MeasuredKernel& row : rows) told.left_out += fitted_kind(row.kernel).empty() ? 1 : 0;
  if (told.kinds.empty()) {
    return plain_fault("no row was measured of a kernel whose constants are fitted",
                       "gemm and experts in bf16, attention, elementwise");
  }
  return told;
}

}  // namespace lockstep
