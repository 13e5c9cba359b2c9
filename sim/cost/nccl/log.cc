#include "sim/cost/nccl/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "sim/base/text.h"
#include "sim/cost/nccl/log_lines.h"
#include "sim/cost/nccl/log_rates.h"
#include "sim/cost/nccl/log_run.h"

namespace lockstep {
namespace {

// Before 2.16 a run begins with "# nThread ..."; since then with "# Collective test starting: ...",
// and in 2017 with the version that it was compiled with.
class Reader {
 public:
  explicit Reader(NcclOrigin origin) : origin_(std::move(origin)) {}

  void take(const std::string& raw, int number) {
    take_environment(raw);
    const LineWithoutNccl line = without_nccl(raw, draft_.hosts);
    const std::vector<std::string> words = words_of(line.text);
    if (words.empty()) return;
    if (begun_line_ > 0 && goes_on(line, words)) return;
    if (!take_header(line.text, words)) take_row(line.text, number, line.had_message);
  }

  Result<NcclLog> finish() {
    close();
    if (log_.runs.empty() && log_.left_out.empty() && faults_.empty()) {
      faults_.push_back({{origin_.file, 0, 0},
                         "",
                         "there is no table of nccl-tests",
                         "",
                         "give the whole output of all_reduce_perf or another of its programs"});
    }
    if (!faults_.empty()) return faults_;
    return log_;
  }

 private:
  void take_environment(const std::string& line) {
    for (const char* told : {"NCCL_ALGO", "NCCL_PROTO"}) {
      if (line.find(std::string(told) + " set by environment") != std::string::npos) {
        draft_.told.insert(told);
      }
    }
  }

  // Whether the line is no beginning of anything, where a row has begun.
  bool goes_on(const LineWithoutNccl& line, const std::vector<std::string>& words) {
    const ReadRow alone = read_row(words, draft_.columns);
    const std::string joined = begun_ + line.text;
    if (!is_right(alone)) {
      const ReadRow both = read_row(words_of(joined), draft_.columns);
      if (is_right(both) && (!line.had_message || both.groups >= draft_.columns.groups)) {
        add_row(both.row, begun_line_);
        begun_line_ = 0;
        return true;
      }
    }
    if (begins_other(line.text, words) || alone.state != RowState::none) {
      const bool rest = alone.state == RowState::whole && !is_right(alone) &&
                        read_row(words_of(begun_), draft_.columns).state == RowState::none;
      give_up_row();
      return rest;  // the end of what was given up
    }
    if (is_all_figures(words)) begun_ = joined;
    return true;
  }

  static bool is_right(const ReadRow& read) {
    if (read.state != RowState::whole) return false;
    return has_whole_elements(read.row) && (fits_time(read.row, 1) || fits_time(read.row, 1000));
  }

  bool begins_other(const std::string& line, const std::vector<std::string>& words) const {
    const auto is_comment = [](const std::string& word) { return word.starts_with('#'); };
    return std::ranges::any_of(words, is_comment) || test_in_line(line);
  }

  // Whether it was a line of a header, or one that names a test.
  bool take_header(const std::string& line, const std::vector<std::string>& words) {
    if (number_after(words, "nThread")) return begin(words);
    if (take_rank(words)) return true;
    if (line.find("# NCCL Tests compiled with") != std::string::npos) return close();
    if (line.find("Collective test concluded") != std::string::npos) return close();
    if (line.find("# Blocking Enabled") != std::string::npos) {
      draft_.waits = true;
      return true;
    }
    if (const auto columns = columns_of(words)) {
      draft_.columns = *columns;
      return true;
    }
    const bool starts = line.find("Collective test starting") != std::string::npos;
    if (starts && draft_.has_rows()) close();
    if (const auto name = test_in_line(line)) take_name(*name);
    return starts;
  }

  // A run that has no rows yet had its name before its settings.
  bool begin(const std::vector<std::string>& words) {
    const auto name = draft_.has_rows() ? next_ : draft_.name;
    close();
    draft_.name = name;
    draft_.threads = std::max<std::int64_t>(1, *number_after(words, "nThread"));
    draft_.gpus = number_after(words, "nGpus").value_or(1);
    if (number_after(words, "graph:").value_or(0) > 0) draft_.launch = LaunchStyle::graph;
    // `lockstep collective` prints such tables, too, and says which style it predicts.
    for (const LaunchStyle style : {LaunchStyle::graph, LaunchStyle::eager}) {
      const auto at = std::find(words.begin(), words.end(), "launch");
      if (at < words.end() - 1 && *(at + 1) == to_string(style)) draft_.launch = style;
    }
    const auto iters = std::find(words.begin(), words.end(), "agg");
    if (iters != words.end()) {
      draft_.aggregated = number_after({iters + 1, words.end()}, "iters:").value_or(1);
    }
    return true;
  }

  // "#  Rank  0 Group  0 Pid 4711 on node-7 device  0 [0x18] NVIDIA H100"
  bool take_rank(const std::vector<std::string>& words) {
    const auto rank = number_after(words, "Rank");
    const auto on = std::find(words.begin(), words.end(), "on");
    if (!rank || on == words.end() || on + 1 == words.end()) return false;
    draft_.ranks[*rank] = {number_after(words, "Group").value_or(0), *(on + 1)};
    draft_.hosts.insert(*(on + 1));
    return true;
  }

  // Of the next run, where this one has rows; of another test that is certain at once.
  void take_name(const NcclTestName& name) {
    if (draft_.has_rows() && draft_.name == name) {
      next_ = name;
      return;
    }
    if (draft_.has_rows()) close();
    draft_.name = name;
  }

  // A row that a message of NCCL cut off goes on in a later line.
  void take_row(const std::string& text, int number, bool is_cut) {
    const std::vector<std::string> words = words_of(text);
    const ReadRow read = read_row(words, draft_.columns);
    const bool whole = read.state == RowState::whole;
    const bool is_start = is_cut && draft_.columns.known && whole_number(words.front());
    if (read.state == RowState::none && !is_start) return;
    if (whole && (!is_cut || read.groups >= draft_.columns.groups)) {
      add_row(read.row, number);
      return;
    }
    begun_ = text;
    begun_line_ = number;
  }

  void add_row(NcclRow row, int number) {
    row.line = number;
    draft_.rows.push_back(std::move(row));
  }

  void give_up_row() {
    if (begun_line_ > 0)
      draft_.broken.push_back({begun_line_, "broken by other lines, or cut off"});
    begun_line_ = 0;
  }

  bool close() {
    give_up_row();
    finish_run(draft_, origin_, log_, faults_);
    draft_ = NcclDraft{};
    next_.reset();
    return true;
  }

  NcclOrigin origin_;
  NcclDraft draft_;
  std::optional<NcclTestName> next_;  // of the run after this one
  std::string begun_;                 // a row that is not whole yet
  int begun_line_ = 0;                // 0: there is none
  NcclLog log_;
  Diagnostics faults_;
};

bool is_same_run(const NcclRun& a, const NcclRun& b) {
  const auto settings = [](const NcclRun& run) {
    return std::tuple(run.kind, run.ranks, run.nodes, run.element_bytes, run.launch);
  };
  return settings(a) == settings(b) &&
         std::ranges::equal(a.points, b.points, [](const NcclPoint& x, const NcclPoint& y) {
           return x.bytes == y.bytes && x.time_us == y.time_us;
         });
}

// What is no text of nccl-tests at all, told by how it begins.
std::optional<Diagnostic> other_form(const std::string& text, const std::string& file) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) {
    return Diagnostic{{file, 0, 0}, "", "this log is empty", "", "did the run print anything?"};
  }
  if (text.starts_with("\x1f\x8b")) {
    return Diagnostic{{file, 0, 0}, "", "this log is packed (gzip)", "", "unpack it: gunzip"};
  }
  return std::nullopt;
}

}  // namespace

std::vector<NcclRun> without_repeats(std::vector<NcclRun> runs) {
  std::vector<NcclRun> kept;
  for (NcclRun& run : runs) {
    const auto first = std::ranges::find_if(
        kept, [&](const NcclRun& earlier) { return is_same_run(earlier, run); });
    if (first == kept.end()) {
      kept.push_back(std::move(run));
    } else {
      first->repeated_at.push_back(fmt::format("{}:{}", run.file, run.line));
    }
  }
  return kept;
}

Result<NcclLog> parse_nccl_log(const std::string& text, const std::string& file,
                               const std::string& kind) {
  if (const auto fault = other_form(text, file)) return *fault;
  Reader reader({file, test_in_name(file.substr(file.find_last_of('/') + 1)), test_in_name(kind)});
  int number = 0;
  for (const std::string& line : split(text, '\n')) reader.take(line, ++number);
  return reader.finish();
}

}  // namespace lockstep
