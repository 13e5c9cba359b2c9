#include "sim/cost/nccl/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "sim/cost/nccl/doubts.h"
#include "sim/cost/nccl/least_squares.h"
#include "sim/cost/nccl/steps.h"
#include "sim/cost/nccl/times.h"

namespace lockstep {
namespace {

// Relative errors beyond it count less than by their square.
constexpr double kErrorScale = 0.05;
// How much a constant that the points hardly say anything about is held at that of the base.
constexpr double kPrior = 0.03;
// A further constant must explain so much of what is left.
constexpr double kLeastGain = 0.03;

// What may be fitted: how long paths take. What NCCL believes (nccl.choice) is its own; what starts
// a call cannot be told from the rest.
bool may_be_fitted(std::string_view path) {
  constexpr std::string_view kGroups[] = {"nccl.own_GBps", "nccl.pair_rate", "nccl.ll.",
                                          "nccl.ll128.",   "nccl.simple.",   "nccl.nvls.",
                                          "nccl.peers.",   "nccl.net."};
  return std::any_of(std::begin(kGroups), std::end(kGroups),
                     [&](std::string_view group) { return path.starts_with(group); });
}

// Four digits: more are noise.
double rounded(double value) { return std::strtod(fmt::format("{:.4g}", value).c_str(), nullptr); }

// A call of a run; its shape does not depend on what is fitted.
struct ShapedCall {
  NcclShape shape;
  LaunchStyle launch = LaunchStyle::nccl_tests;

  CollectiveTime time(const Hardware& hardware) const {
    return nccl_shape_time(shape, launch, "", hardware);
  }
};

struct Fitter {
  const Hardware& base;
  std::vector<ShapedCall> calls;
  std::vector<double> measured;
  std::vector<const HardwareField*> fields;  // all that may be fitted

  double predicted(const ShapedCall& call, const Hardware& hardware) const {
    return in_microseconds(call.time(hardware).total());
  }

  Hardware with(std::span<const HardwareField* const> chosen,
                std::span<const double> values) const {
    Hardware hardware = base;
    for (std::size_t p = 0; p < chosen.size(); ++p) chosen[p]->of(hardware) = values[p];
    return hardware;
  }

  double before(const HardwareField* field) const {
    Hardware copy = base;
    return field->of(copy);
  }

  // Of the points, then of the constants: how far they went from the base.
  std::vector<double> residuals(std::span<const HardwareField* const> chosen,
                                std::span<const double> values) const {
    const Hardware hardware = with(chosen, values);
    std::vector<double> all;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      all.push_back(predicted(calls[i], hardware) / measured[i] - 1);
    }
    for (std::size_t p = 0; p < chosen.size(); ++p) {
      const double start = before(chosen[p]);
      all.push_back(kPrior * (values[p] - start) / std::sqrt(values[p] * start));
    }
    return all;
  }

  LeastSquares fit(const std::vector<const HardwareField*>& chosen, std::vector<double> start,
                   int iterations) const {
    return least_squares([&](std::span<const double> values) { return residuals(chosen, values); },
                         std::move(start), kErrorScale, iterations);
  }

  // Those that some point depends on.
  std::vector<const HardwareField*> relevant() const {
    std::vector<const HardwareField*> found;
    for (const HardwareField* field : fields) {
      if (before(field) <= 0) continue;
      const Hardware moved = with(std::span(&field, 1), std::vector<double>{before(field) * 1.1});
      const bool matters = std::any_of(calls.begin(), calls.end(), [&](const ShapedCall& call) {
        return call.time(moved).total() != call.time(base).total();
      });
      if (matters) found.push_back(field);
    }
    return found;
  }
};

struct Chosen {
  std::vector<const HardwareField*> fields;
  LeastSquares fit;
};

// One after another, always the one that leaves least.
Chosen best_few(const Fitter& fitter, const std::vector<const HardwareField*>& candidates,
                std::size_t most) {
  Chosen chosen;
  chosen.fit = fitter.fit({}, {}, 0);
  while (chosen.fields.size() < most) {
    Chosen next;
    for (const HardwareField* candidate : candidates) {
      if (std::find(chosen.fields.begin(), chosen.fields.end(), candidate) != chosen.fields.end()) {
        continue;
      }
      std::vector<const HardwareField*> fields = chosen.fields;
      fields.push_back(candidate);
      std::vector<double> start = chosen.fit.parameters;
      start.push_back(fitter.before(candidate));
      LeastSquares fit = fitter.fit(fields, std::move(start), 12);
      if (next.fields.empty() || fit.cost < next.fit.cost) next = {fields, std::move(fit)};
    }
    if (next.fields.empty() || next.fit.cost > chosen.fit.cost * (1 - kLeastGain)) break;
    chosen = std::move(next);
  }
  return chosen;
}

Chosen choose(const Fitter& fitter, std::size_t most) {
  const std::vector<const HardwareField*> candidates = fitter.relevant();
  if (candidates.size() > most) return best_few(fitter, candidates, most);
  std::vector<double> start;
  for (const HardwareField* field : candidates) start.push_back(fitter.before(field));
  return {candidates, fitter.fit(candidates, std::move(start), 30)};
}

// Whether NCCL ever takes LL128 is in none of its own constants: versions differ. It is if that
// explains the points much better; the switch counts as a fitted constant.
constexpr double kSwitchGain = 0.25;

// The base with the switch the other way: of LL128, what the ring's links carry.
Hardware switched(const Hardware& base) {
  Hardware other = base;
  NcclChoice& choice = other.nccl.choice;
  choice.ll128_GBps = choice.ll128_GBps > 0 ? 0 : rounded(choice.ring_GBps * 0.92);
  if (base.nccl.choice.ll128_GBps == 0) {
    other.nccl.ll128.GBps = std::min(other.nccl.ll128.GBps, choice.ll128_GBps);
  }
  return other;
}

std::string path_of(const ShapedCall& call, const Hardware& hardware) {
  const CollectiveTime time = call.time(hardware);
  return time.algorithm + "/" + time.protocol;
}

void add_errors(Calibration& calibration) {
  std::vector<double> errors;
  for (const CalibratedPoint& point : calibration.points) {
    errors.push_back(std::abs(point.after_us / point.measured_us - 1));
  }
  std::sort(errors.begin(), errors.end());
  calibration.median_error = errors[errors.size() / 2];
  calibration.worst_error = errors.back();
}

}  // namespace

int nodes_of(const NcclRun& run, const NodeConstants& node) {
  const int gpus = static_cast<int>(node.gpus);
  const int least = (run.ranks + gpus - 1) / gpus;
  const bool rack = node.host_gpus < node.gpus;
  return rack ? least : std::max(run.nodes, least);
}

CollectiveCall call_of(const NcclRun& run, std::int64_t bytes, const NodeConstants& node) {
  CollectiveCall call;
  call.kind = run.kind;
  call.bytes = bytes;
  call.element_bytes = run.element_bytes;
  call.launch = run.launch;
  const int gpus = static_cast<int>(node.gpus);
  const int nodes = nodes_of(run, node);
  const int each = (run.ranks + nodes - 1) / nodes;
  for (int r = 0; r < run.ranks; ++r) call.ranks.push_back(r / each * gpus + r % each);
  return call;
}

namespace {

// Fields of the table: those that may be fitted, and the switch of LL128.
struct Constants {
  std::vector<const HardwareField*> fitted;
  const HardwareField* ll128 = nullptr;
};

Constants constants() {
  Constants all;
  for (const HardwareField& field : nccl_fields()) {
    if (may_be_fitted(field.path)) all.fitted.push_back(&field);
    if (field.path == "nccl.choice.ll128_GBps") all.ll128 = &field;
  }
  return all;
}

void add_constant(Calibration& calibration, const HardwareField& field, const Hardware& base,
                  double after) {
  Hardware copy = base;
  field.of(calibration.hardware) = after;
  const bool is_switch = field.path == "nccl.choice.ll128_GBps";
  calibration.fitted.push_back({std::string(field.path), std::string(field.unit), field.of(copy),
                                after, is_switch ? "" : doubt_about(field, after, base)});
}

void add_points(Calibration& calibration, const Fitter& fitter, const Hardware& base) {
  for (std::size_t i = 0; i < calibration.points.size(); ++i) {
    CalibratedPoint& point = calibration.points[i];
    point.before_us = fitter.predicted(fitter.calls[i], base);
    point.after_us = fitter.predicted(fitter.calls[i], calibration.hardware);
    point.path = path_of(fitter.calls[i], calibration.hardware);
  }
  calibration.steps = protocol_steps(calibration.points);
  add_errors(calibration);
}

}  // namespace

Calibration calibrate(const std::vector<NcclRun>& runs, const Hardware& base) {
  const Constants known = constants();
  Calibration calibration;
  Fitter fitter{base, {}, {}, known.fitted};
  for (std::size_t run = 0; run < runs.size(); ++run) {
    for (const NcclPoint& point : runs[run].points) {
      const CollectiveCall call = call_of(runs[run], point.bytes, base.node);
      fitter.calls.push_back({nccl_shape(call, base.node), call.launch});
      fitter.measured.push_back(point.time_us);
      calibration.points.push_back({run, point.bytes, point.time_us, 0, 0, ""});
    }
  }
  const std::size_t most = fitter.calls.size() / 2;
  Chosen chosen = choose(fitter, most);
  Hardware start = base;
  const Hardware other = switched(base);
  const bool matters = std::any_of(
      fitter.calls.begin(), fitter.calls.end(),
      [&](const ShapedCall& call) { return path_of(call, other) != path_of(call, base); });
  if (matters && most >= 1) {
    const Fitter again{other, fitter.calls, fitter.measured, fitter.fields};
    Chosen with_switch = choose(again, most - 1);
    if (with_switch.fit.cost < chosen.fit.cost * (1 - kSwitchGain)) {
      chosen = std::move(with_switch);
      start = other;
    }
  }
  calibration.hardware = start;
  if (!(start == base)) {
    add_constant(calibration, *known.ll128, base, start.nccl.choice.ll128_GBps);
  }
  for (std::size_t p = 0; p < chosen.fields.size(); ++p) {
    const HardwareField& field = *chosen.fields[p];
    add_constant(calibration, field, base,
                 std::clamp(rounded(chosen.fit.parameters[p]), field.least, field.most));
  }
  add_points(calibration, fitter, base);
  return calibration;
}

}  // namespace lockstep
