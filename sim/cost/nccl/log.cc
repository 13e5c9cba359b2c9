#include "sim/cost/nccl/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

struct Name {
  std::string_view text;
  Collective kind;
};
// Longer names before those that they contain.
constexpr Name kNames[] = {
    {"all_reduce", Collective::all_reduce},         {"allreduce", Collective::all_reduce},
    {"all_gather", Collective::all_gather},         {"allgather", Collective::all_gather},
    {"reduce_scatter", Collective::reduce_scatter}, {"reducescatter", Collective::reduce_scatter},
    {"alltoall", Collective::all_to_all},           {"all_to_all", Collective::all_to_all},
    {"broadcast", Collective::broadcast},           {"sendrecv", Collective::send_recv},
    {"send_recv", Collective::send_recv},           {"reduce", Collective::reduce},
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::optional<std::int64_t> integer(const std::string& word) {
  char* end = nullptr;
  const long long value = std::strtoll(word.c_str(), &end, 10);
  if (word.empty() || *end != '\0') return std::nullopt;
  return value;
}

std::optional<double> number(const std::string& word) {
  char* end = nullptr;
  const double value = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0') return std::nullopt;
  return value;
}

bool is_figure(const std::string& word) { return number(word) || word == "N/A"; }

// Bytes of one element, by the names that nccl-tests gives; 0: not a type.
int bytes_of_type(const std::string& word) {
  struct Type {
    std::string_view name;
    int bytes;
  };
  constexpr Type kTypes[] = {
      {"int8", 1},     {"uint8", 1},    {"int32", 4},  {"uint32", 4}, {"int64", 8},
      {"uint64", 8},   {"half", 2},     {"float", 4},  {"double", 8}, {"bfloat16", 2},
      {"fp8_e4m3", 1}, {"fp8_e5m2", 1}, {"f8e4m3", 1}, {"f8e5m2", 1}, {"char", 1},
  };
  for (const Type& type : kTypes) {
    if (word == type.name) return type.bytes;
  }
  return 0;
}

struct Row {
  std::int64_t bytes = 0;
  int element_bytes = 0;
  std::string operation;  // "sum", "none"; "": the layout has no such column
  double time_us = 0;
  double bus_over_algorithm = 0;   // busbw / algbw: tells collectives apart; 0: too small to say
  std::vector<std::string> wrong;  // the last columns: "0", "N/A"; "0e+00" where it is an error
};

// Why a row measures nothing; "" if it does. A count of wrong elements is a whole number, or stands
// below "#wrong"; older tables have the largest error there, which is rarely zero.
std::string fault_of(const Row& row, bool counts_wrong) {
  if (row.bytes <= 0) return fmt::format("{} bytes", row.bytes);
  if (!std::isfinite(row.time_us)) return "a time that is no number";
  if (row.time_us <= 0) return "a time that is not above zero";
  const bool is_wrong = std::ranges::any_of(row.wrong, [&](const std::string& word) {
    const bool is_count = counts_wrong || integer(word);
    return is_count && !(number(word).value_or(0) <= 0);  // also of a NaN
  });
  return is_wrong ? "wrong results (#wrong above 0)" : "";
}

// size count type [redop] [root] then 4 figures out of place (time, algbw, busbw, error) and, but
// for some collectives, 4 in place.
std::optional<Row> row_of(std::vector<std::string> words) {
  std::size_t first = 0;
  while (first < words.size() && !integer(words[first])) ++first;  // a launcher's prefix
  while (first + 2 < words.size() && (!integer(words[first]) || !integer(words[first + 1]) ||
                                      bytes_of_type(words[first + 2]) <= 0)) {
    ++first;
  }
  if (first + 2 >= words.size()) return std::nullopt;
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first));
  Row row;
  row.bytes = *integer(words[0]);
  row.element_bytes = bytes_of_type(words[2]);
  std::size_t at = 3;
  if (at < words.size() && !is_figure(words[at])) row.operation = words[at++];
  const std::size_t left = words.size() - at;
  if (left == 5 || left == 9) ++at;  // root
  if (left < 4 || left > 9 || (left > 5 && left < 8)) return std::nullopt;
  if (!std::all_of(words.begin() + static_cast<std::ptrdiff_t>(at), words.end(), is_figure)) {
    return std::nullopt;
  }
  const bool in_place_only = words[at] == "N/A" && at + 4 < words.size();
  const std::size_t time = in_place_only ? at + 4 : at;
  row.time_us = number(words[time]).value_or(0);
  for (std::size_t column = at + 3; column < words.size(); column += 4) {
    row.wrong.push_back(words[column]);
  }
  const double algorithm = number(words[time + 1]).value_or(0);
  const double bus = number(words[time + 2]).value_or(0);
  if (algorithm >= 1) row.bus_over_algorithm = bus / algorithm;
  return row;
}

// "# nThread 1 nGpus 8 minBytes ... graph: 0": what follows `key`.
std::optional<std::int64_t> after(const std::vector<std::string>& words, std::string_view key) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == key) return integer(words[i + 1]);
  }
  return std::nullopt;
}

// What is known of a run while its lines go by.
struct Draft {
  NcclRun run;
  std::optional<Collective> kind;
  std::int64_t threads_gpus = 0;  // of one process
  std::set<std::int64_t> ranks;
  std::set<std::string> hosts;
  std::string operation;
  double ratio = 0;
  bool counts_wrong = false;  // the last column is "#wrong"

  bool has_rows() const { return !run.points.empty() || !run.left_out.empty(); }
};

// "#  Rank  0 Group  0 Pid 4711 on node-7 device  0 [0x18] NVIDIA H100"
bool take_rank(const std::vector<std::string>& words, Draft& draft) {
  const auto rank = after(words, "Rank");
  const auto on = std::find(words.begin(), words.end(), "on");
  if (!rank || on == words.end() || on + 1 == words.end()) return false;
  draft.ranks.insert(*rank);
  draft.hosts.insert(*(on + 1));
  return true;
}

class Reader {
 public:
  Reader(const std::string& file, const std::string& kind) : file_(file) {
    given_ = collective_named(kind);
    draft_.kind = collective_named(file.substr(file.find_last_of('/') + 1));
  }

  void take(const std::string& line, int number) {
    const std::vector<std::string> words = words_of(line);
    if (line.find("NCCL INFO") != std::string::npos) return;
    if (after(words, "nThread")) return begin(words);
    if (take_rank(words, draft_)) return;
    take_name(line);
    if (line.find("#wrong") != std::string::npos) draft_.counts_wrong = true;
    const auto row = row_of(words);
    if (row) take_row(*row, number);
  }

  Result<std::vector<NcclRun>> finish() {
    close();
    if (runs_.empty() && faults_.empty()) {
      faults_.push_back({{file_, 0, 0},
                         "",
                         "there is no table of nccl-tests",
                         "",
                         "give the whole output of all_reduce_perf or another of its programs"});
    }
    if (!faults_.empty()) return faults_;
    return runs_;
  }

 private:
  // A run begins with the line of its settings.
  void begin(const std::vector<std::string>& words) {
    const std::optional<Collective> kind = draft_.kind;
    const bool used = draft_.has_rows();
    close();
    draft_ = Draft{};
    if (!used) draft_.kind = kind;  // its name came before its settings
    if (used) draft_.kind = file_kind();
    draft_.threads_gpus =
        std::max<std::int64_t>(1, *after(words, "nThread")) * after(words, "nGpus").value_or(1);
    if (after(words, "graph:").value_or(0) > 0) draft_.run.launch = LaunchStyle::graph;
  }

  std::optional<Collective> file_kind() const {
    return collective_named(file_.substr(file_.find_last_of('/') + 1));
  }

  // "./build/all_reduce_perf -b 8", "# Collective test starting: all_reduce_perf"
  void take_name(const std::string& line) {
    const std::size_t perf = line.find("_perf");
    if (perf == std::string::npos) return;
    const std::size_t begin = line.find_last_of(" /\t:", perf);
    const auto kind =
        collective_named(line.substr(begin == std::string::npos ? 0 : begin + 1, perf - begin - 1));
    if (!kind) return;
    if (draft_.has_rows() && draft_.kind != kind) close();
    draft_.kind = kind;
  }

  void take_row(const Row& row, int number) {
    if (!draft_.has_rows()) draft_.run.line = number;
    draft_.run.element_bytes = row.element_bytes;
    draft_.operation = row.operation;
    draft_.ratio = std::max(draft_.ratio, row.bus_over_algorithm);
    const std::string why = fault_of(row, draft_.counts_wrong);
    if (why.empty()) {
      draft_.run.points.push_back({row.bytes, row.time_us, number});
    } else {
      draft_.run.left_out.push_back({number, why});
    }
  }

  void fault(std::string message, std::string hint) {
    faults_.push_back({{file_, draft_.run.line, 0}, "", std::move(message), "", std::move(hint)});
  }

  // busbw / algbw is 2(n-1)/n of all_reduce, (n-1)/n of reduce_scatter; gathers and all-to-alls
  // look alike.
  std::optional<Collective> guess() const {
    const double n = draft_.run.ranks;
    const bool sums = !draft_.operation.empty() && draft_.operation != "none";
    if (!sums || draft_.ratio == 0) return std::nullopt;
    const auto near = [this](double ratio) {
      return draft_.ratio > ratio * 0.97 && draft_.ratio < ratio * 1.03;
    };
    if (n > 2 && near(2 * (n - 1) / n)) return Collective::all_reduce;
    if (near((n - 1) / n)) return Collective::reduce_scatter;
    return std::nullopt;
  }

  bool take_ranks() {
    NcclRun& run = draft_.run;
    if (draft_.ranks.empty()) {
      run.ranks = static_cast<int>(draft_.threads_gpus);
    } else {
      run.ranks = static_cast<int>(draft_.ranks.size());
      run.nodes = static_cast<int>(draft_.hosts.size());
      const std::int64_t last = *draft_.ranks.rbegin();
      if (last + 1 != run.ranks) {
        fault(fmt::format("the header names {} ranks, but one of them is rank {}: ranks of "
                          "different runs are mixed, or lines are missing",
                          run.ranks, last),
              "give the log of each run in a file of its own");
        return false;
      }
    }
    if (run.ranks >= 2) return true;
    fault("how many ranks ran this cannot be told, or it was one",
          "keep the lines '# nThread ... nGpus ...' and '#  Rank ... on ...' in the log");
    return false;
  }

  void close() {
    Draft& draft = draft_;
    NcclRun& run = draft.run;
    if (!draft.has_rows()) return;
    run.file = file_;
    if (run.points.empty()) {
      fault(fmt::format("none of the {} rows of this table is a measurement: {}",
                        run.left_out.size(), run.left_out.front().why),
            "run it again, and see whether it passes its own check");
      run.left_out.clear();
      return;
    }
    const bool counted = take_ranks();
    std::optional<Collective> kind = draft.kind ? draft.kind : given_;
    if (!kind) kind = guess();
    if (counted && !kind) {
      fault("which collective this is cannot be told",
            "name the file after it (all_gather.log), keep the command line in the log, or say "
            "--collective all_gather");
    } else if (counted) {
      run.kind = *kind;
      std::stable_sort(run.points.begin(), run.points.end(),
                       [](const NcclPoint& a, const NcclPoint& b) { return a.bytes < b.bytes; });
      runs_.push_back(run);
    }
    run.points.clear();
    run.left_out.clear();
  }

  std::string file_;
  std::optional<Collective> given_;
  Draft draft_;
  std::vector<NcclRun> runs_;
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

std::optional<Collective> collective_named(const std::string& text) {
  const std::string small = lower(text);
  for (const Name& name : kNames) {
    if (small.find(name.text) != std::string::npos) return name.kind;
  }
  return std::nullopt;
}

Result<std::vector<NcclRun>> parse_nccl_log(const std::string& text, const std::string& file,
                                            const std::string& kind) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Diagnostic{{file, 0, 0}, "", "this log is empty", "", "did the run print anything?"};
  }
  Reader reader(file, kind);
  int number = 0;
  for (const std::string& line : split(text, '\n')) reader.take(line, ++number);
  return reader.finish();
}

}  // namespace lockstep
