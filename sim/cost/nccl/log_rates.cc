#include "sim/cost/nccl/log_rates.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "sim/base/text.h"
#include "sim/cost/bus_rate.h"

namespace lockstep {
namespace {

// Of algbw and bytes / time: nccl-tests computes one from the other, others may take a mean of
// each.
constexpr double kOfTime = 0.03;
// Of busbw / algbw: a product of the same figure.
constexpr double kOfFactor = 0.002;

constexpr Collective kKinds[] = {Collective::all_reduce,     Collective::all_gather,
                                 Collective::reduce_scatter, Collective::all_to_all,
                                 Collective::broadcast,      Collective::reduce,
                                 Collective::send_recv};

// Ranks with which `kind` has this factor; 0: none.
int ranks_of_factor(Collective kind, double factor) {
  const double part = kind == Collective::all_reduce ? factor / 2 : factor;  // (n - 1) / n
  if (part >= 1 || part < 0.45) return 0;
  return static_cast<int>(std::lround(1 / (1 - part)));
}

}  // namespace

double bus_factor(Collective kind, int ranks) { return bus_rate(kind, ranks, 1); }

bool fits_time(const NcclRow& row, double unit_us) {
  if (!row.time.known || !row.algorithm.known || !std::isfinite(row.algorithm.value)) return true;
  const double gigabytes = static_cast<double>(row.bytes) / unit_us / 1e3;
  const double shortest = row.time.value - row.time.half;
  const double least = gigabytes / (row.time.value + row.time.half) * (1 - kOfTime);
  const double printed_most = row.algorithm.value + row.algorithm.half;
  if (printed_most < least) return false;
  if (shortest <= 0) return true;
  return row.algorithm.value - row.algorithm.half <= gigabytes / shortest * (1 + kOfTime);
}

bool fits_factor(const NcclRow& row, double factor) {
  const Printed& algorithm = row.algorithm;
  const Printed& bus = row.bus;
  if (!algorithm.known || !bus.known || algorithm.value <= 0 || bus.value <= 0) return true;
  const double least = algorithm.value - algorithm.half;
  if (bus.value + bus.half < least * factor * (1 - kOfFactor)) return false;
  const double most = algorithm.value + algorithm.half;
  return bus.value - bus.half <= most * factor * (1 + kOfFactor);
}

bool fits_operation(const NcclRow& row, Collective kind) {
  return row.operation.empty() || sums(kind) == (row.operation != "none");
}

std::string that_fit(const NcclRow& row, Collective kind, int ranks) {
  std::vector<std::string> all;
  for (const Collective other : kKinds) {
    if (other == kind || !fits_operation(row, other) ||
        !fits_factor(row, bus_factor(other, ranks))) {
      continue;
    }
    all.push_back(fmt::format("{} of {} ranks", to_string(other), ranks));
  }
  const int others = ranks_of_factor(kind, row.bus.value / row.algorithm.value);
  if (others >= 2 && fits_operation(row, kind) && fits_factor(row, bus_factor(kind, others))) {
    all.push_back(fmt::format("{} of {} ranks", to_string(kind), others));
  }
  return join(all, ", or ");
}

std::optional<Collective> kind_by_rates(const NcclRow& row, int ranks) {
  const bool is_sum = !row.operation.empty() && row.operation != "none";
  if (!is_sum || row.algorithm.value < 1) return std::nullopt;
  const auto fits = [&](Collective kind) { return fits_factor(row, bus_factor(kind, ranks)); };
  if (ranks > 2 && fits(Collective::all_reduce)) return Collective::all_reduce;
  if (fits(Collective::reduce_scatter)) return Collective::reduce_scatter;
  return std::nullopt;
}

}  // namespace lockstep
