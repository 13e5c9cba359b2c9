#include "sim/cost/nccl/log_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/cost/nccl/log_rates.h"

namespace lockstep {
namespace {

constexpr double kMillisecond = 1000;  // us

// Why a row measures nothing; "" if it does. A count of wrong elements is a whole number, or stands
// below "#wrong"; older tables have the largest error there, which is rarely zero.
std::string fault_of(const NcclRow& row, bool counts_wrong) {
  if (row.bytes <= 0) return fmt::format("{} bytes", row.bytes);
  if (!std::isfinite(row.time.value)) return "a time that is no number";
  if (row.time.value <= 0) return "a time that is not above zero";
  const bool is_wrong = std::ranges::any_of(row.wrong, [&](const std::string& word) {
    const bool is_count = counts_wrong || whole_number(word);
    return is_count && !(figure(word).value_or(0) <= 0);  // also of a NaN
  });
  return is_wrong ? "wrong results (#wrong above 0)" : "";
}

// Why a whole run is not fitted; "" if it is.
std::string why_left_out(const NcclDraft& draft, const std::optional<NcclTestName>& name) {
  if (name && !name->kind) return name->text + "_perf is not modelled";
  if (draft.columns.host_time) {
    return "its times are the host's (cputime, -C), not those of the collective";
  }
  if (draft.waits) return "it waited for each collective (blocking, -z): another style of launch";
  if (draft.aggregated > 1) {
    return fmt::format("{} collectives were grouped in one launch (agg iters, -m): another style",
                       draft.aggregated);
  }
  return "";
}

// The row whose rates say most: digits that were cut off matter least.
const NcclRow& most_exact(const std::vector<NcclRow>& rows) {
  return *std::ranges::max_element(rows, {}, [](const NcclRow& row) { return row.bus.value; });
}

class Finish {
 public:
  Finish(const NcclDraft& draft, const NcclOrigin& origin, Diagnostics& faults)
      : draft_(draft), origin_(origin), faults_(faults) {
    run_.file = origin.file;
    run_.line = first_line();
    run_.launch = draft.launch;
  }

  std::string left_out() const {
    return why_left_out(draft_, draft_.name ? draft_.name : origin_.named);
  }

  std::optional<NcclRun> run() {
    if (!take_rows() || !take_ranks() || !take_kind()) return std::nullopt;
    const auto unit = unit_us();
    if (!unit || !rates_fit()) return std::nullopt;
    take_points(*unit);
    take_told();
    return std::move(run_);
  }

  int first_line() const {
    const int broken = draft_.broken.empty() ? 0 : draft_.broken.front().line;
    const int row = draft_.rows.empty() ? 0 : draft_.rows.front().line;
    return broken > 0 && row > 0 ? std::min(broken, row) : std::max(broken, row);
  }

 private:
  bool fault(std::string message, std::string hint, int line = 0) {
    faults_.push_back(
        {{run_.file, line > 0 ? line : run_.line, 0}, "", std::move(message), "", std::move(hint)});
    return false;
  }

  bool take_rows() {
    run_.left_out = draft_.broken;
    for (const NcclRow& row : draft_.rows) {
      const std::string why = fault_of(row, draft_.columns.counts_wrong);
      if (why.empty()) {
        measured_.push_back(row);
      } else {
        run_.left_out.push_back({row.line, why});
      }
    }
    std::ranges::stable_sort(run_.left_out, {}, &LeftOutRow::line);
    if (!measured_.empty()) {
      run_.element_bytes = measured_.back().element_bytes;
      return true;
    }
    return fault(fmt::format("none of the {} rows of this table is a measurement: {}",
                             run_.left_out.size(), run_.left_out.front().why),
                 "run it again, and see whether it passes its own check");
  }

  void take_told() {
    for (const std::string& what : draft_.told) {
      run_.notes.push_back(what + " tells NCCL what to choose: its own choice may be another");
    }
  }

  bool take_ranks() {
    if (draft_.ranks.empty()) return count_of_settings();
    const auto all = static_cast<std::int64_t>(draft_.ranks.size());
    const std::int64_t last = draft_.ranks.rbegin()->first;
    if (last != all - 1) {
      return fault(fmt::format("the header names {} ranks, but one of them is rank {}: ranks of "
                               "different runs are mixed, or lines are missing",
                               all, last),
                   "give the log of each run in a file of its own");
    }
    // What is printed is what the communicator of the first rank did.
    const std::int64_t group = draft_.ranks.begin()->second.group;
    std::set<std::string> hosts;
    std::int64_t count = 0;
    for (const auto& [number, rank] : draft_.ranks) {
      if (rank.group != group) continue;
      hosts.insert(rank.host);
      ++count;
    }
    if (count < all) {
      run_.notes.push_back(
          fmt::format("it is one of several groups that ran at the same time: {} "
                      "of {} ranks",
                      count, all));
    }
    run_.nodes = static_cast<int>(hosts.size());
    return set_ranks(count);
  }

  bool count_of_settings() {
    const auto sane = [](std::int64_t n) { return n >= 0 && n <= kMostNcclRanks; };
    if (!sane(draft_.threads) || !sane(draft_.gpus)) return set_ranks(kMostNcclRanks + 1);
    return set_ranks(draft_.threads * draft_.gpus);
  }

  bool set_ranks(std::int64_t count) {
    if (count > kMostNcclRanks) {
      return fault(fmt::format("more than {} ranks", kMostNcclRanks),
                   "are nThread and nGpus in the header right?");
    }
    run_.ranks = static_cast<int>(count);
    if (count >= 2) return true;
    return fault("how many ranks ran this cannot be told, or it was one",
                 "keep the lines '# nThread ... nGpus ...' and '#  Rank ... on ...' in the log");
  }

  bool take_kind() {
    const auto of = [](const std::optional<NcclTestName>& name) {
      return name ? name->kind : std::nullopt;
    };
    auto kind = of(draft_.name);
    source_ = "the log";
    if (!kind) kind = of(origin_.named), source_ = "the name of the file";
    if (!kind) kind = of(origin_.given), source_ = "--collective";
    if (!kind) kind = kind_by_rates(most_exact(measured_), run_.ranks), source_ = "its rates";
    if (!kind) {
      return fault("which collective this is cannot be told",
                   "name the file after it (all_gather.log), keep the command line in the log, or "
                   "say --collective all_gather");
    }
    run_.kind = *kind;
    return true;
  }

  // Of the times; nothing, and a fault, if no unit fits all rows.
  std::optional<double> unit_us() {
    const auto misfit = [&](double unit) {
      return std::ranges::find_if_not(measured_,
                                      [&](const NcclRow& row) { return fits_time(row, unit); });
    };
    const double first = draft_.columns.milliseconds ? kMillisecond : 1;
    const double second = kMillisecond / first;
    const auto bad = misfit(first);
    const auto unit = bad == measured_.end() ? first : second;
    if (bad != measured_.end() && misfit(second) != measured_.end()) {
      fault(fmt::format("{} bytes in {} {} are {:.4g} GB/s, but algbw says {:.4g}", bad->bytes,
                        bad->time.value, first > 1 ? "ms" : "us",
                        static_cast<double>(bad->bytes) / bad->time.value / first / 1e3,
                        bad->algorithm.value),
            "give the table as nccl-tests printed it: its columns may be others, or its rows "
            "edited",
            bad->line);
      return std::nullopt;
    }
    if (unit > 1) run_.notes.push_back("its times are milliseconds, with no more digits than that");
    return unit;
  }

  bool rates_fit() {
    const NcclRow& exact = most_exact(measured_);
    const std::string kind =
        fmt::format("{} of {} ranks (by {})", to_string(run_.kind), run_.ranks, source_);
    const double factor = bus_factor(run_.kind, run_.ranks);
    const auto fits = [&](const NcclRow& row) { return fits_factor(row, factor); };
    if (!std::ranges::all_of(measured_, fits)) {
      const NcclRow& bad = fits(exact) ? *std::ranges::find_if_not(measured_, fits) : exact;
      return misfit(bad, fmt::format("busbw / algbw is {:.3g}, but {} has {:.3g}",
                                     bad.bus.value / bad.algorithm.value, kind, factor));
    }
    // A name in the log is believed; whoever names files errs.
    if (draft_.name || fits_operation(exact, run_.kind)) return true;
    return misfit(exact,
                  fmt::format("redop is {}, which is not that of {}", exact.operation, kind));
  }

  bool misfit(const NcclRow& row, std::string what) {
    const std::string others = that_fit(row, run_.kind, run_.ranks);
    return fault(std::move(what),
                 others.empty()
                     ? "no collective of these ranks has that: are rows or the header edited?"
                     : "it would fit " + others + ": correct the name, or the header's ranks",
                 row.line);
  }

  void take_points(double unit) {
    for (const NcclRow& row : measured_) {
      run_.points.push_back({row.bytes, row.time.value * unit, row.line});
    }
    std::ranges::stable_sort(run_.points, {}, &NcclPoint::bytes);
  }

  const NcclDraft& draft_;
  const NcclOrigin& origin_;
  Diagnostics& faults_;
  NcclRun run_;
  std::vector<NcclRow> measured_;
  std::string source_;  // who said which collective it is
};

}  // namespace

void finish_run(const NcclDraft& draft, const NcclOrigin& origin, NcclLog& log,
                Diagnostics& faults) {
  if (!draft.has_rows()) return;
  Finish finish(draft, origin, faults);
  const std::string why = finish.left_out();
  if (!why.empty()) {
    log.left_out.push_back({origin.file, finish.first_line(), why});
  } else if (auto run = finish.run()) {
    log.runs.push_back(std::move(*run));
  }
}

}  // namespace lockstep
