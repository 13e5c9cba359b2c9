#include "tools/bench/collective_case.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace lockstep::bench {
namespace {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

float value_passed(int member, std::int64_t element) {
  return static_cast<float>(member + element % 7);
}

// At element i of what `member` receives.
float value_received(const Case& which, int member, std::int64_t i) {
  const std::int64_t n = which.members;
  const std::int64_t block = which.elements() / n;
  const auto sum = [&](std::int64_t at) {  // 0 + 1 + ... + n - 1, and n times at % 7
    const std::int64_t of_members = n * (n - 1) / 2;
    return static_cast<float>(of_members + n * (at % 7));
  };
  switch (which.collective) {
    case Collective::all_reduce:
      return sum(i);
    case Collective::reduce_scatter:
      return sum(member * block + i);
    case Collective::all_gather:
      return value_passed(static_cast<int>(i / block), i % block);
    case Collective::all_to_all:
      break;
  }
  return value_passed(static_cast<int>(i / block), member * block + i % block);
}

// The bus bandwidth of nccl-tests over bytes / time: what a link carries, whoever runs it.
double bus_factor(const Case& which) {
  const double n = which.members;
  return (which.collective == Collective::all_reduce ? 2 : 1) * (n - 1) / n;
}

void print_table(const std::string& library, const std::vector<Timed>& all) {
  fmt::print("# {}: float32, sum; times in us: median, least, most; bandwidths in GB/s\n", library);
  fmt::print("#{:>14} {:>3} {:>10} {:>10} {:>10} {:>10} {:>10} {:>7} {:>7} {:>5}\n", "collective",
             "n", "size", "count", "time", "min", "max", "algbw", "busbw", "reps");
  for (const Timed& timed : all) {
    const double time = median(timed.microseconds);
    const double bandwidth = static_cast<double>(timed.which.bytes) / time / 1e3;
    const auto [least, most] = std::ranges::minmax(timed.microseconds);
    fmt::print(
        " {:>14} {:>3} {:>10} {:>10} {:>10.1f} {:>10.1f} {:>10.1f} {:>7.3f} {:>7.3f} {:>5}\n",
        to_string(timed.which.collective), timed.which.members, timed.which.bytes,
        timed.which.elements(), time, least, most, bandwidth, bandwidth * bus_factor(timed.which),
        timed.microseconds.size());
  }
}

void print_json(const std::string& library, const std::vector<Timed>& all) {
  nlohmann::json cases = nlohmann::json::array();
  for (const Timed& timed : all) {
    cases.push_back({{"collective", to_string(timed.which.collective)},
                     {"members", timed.which.members},
                     {"bytes", timed.which.bytes},
                     {"microseconds", timed.microseconds}});
  }
  fmt::print("{}\n", nlohmann::json{{"library", library}, {"cases", cases}}.dump());
}

}  // namespace

std::int64_t Case::elements_in() const {
  return collective == Collective::all_gather ? elements() / members : elements();
}

std::int64_t Case::elements_out() const {
  return collective == Collective::reduce_scatter ? elements() / members : elements();
}

Options options_of(int argc, char** argv, const std::string& about) {
  Options options;
  CLI::App app(about);
  app.add_option("--members", options.members, "how many processes, for example 4,8")
      ->delimiter(',')
      ->check(CLI::Range(2, 64));
  app.add_option("--smallest", options.smallest, "bytes")->check(CLI::Range(1 << 10, 1 << 26));
  app.add_option("--largest", options.largest, "bytes")->check(CLI::Range(1 << 10, 1 << 30));
  app.add_option("--effort", options.effort, "times as many repetitions")
      ->check(CLI::Range(0.01, 100.0));
  app.add_flag("--json", options.json, "all times as JSON, instead of a table");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

std::vector<Case> cases_of(const Options& options, int members) {
  std::vector<Case> cases;
  const std::int64_t unit = std::int64_t{4} * members;
  for (const Collective c : {Collective::all_reduce, Collective::all_gather,
                             Collective::reduce_scatter, Collective::all_to_all}) {
    for (std::int64_t bytes = options.smallest; bytes <= options.largest; bytes *= 4) {
      cases.push_back({c, members, (bytes + unit - 1) / unit * unit});
    }
  }
  return cases;
}

// Small ones take tens of microseconds and vary with the scheduler, large ones seconds.
int repetitions_of(const Case& which, const Options& options) {
  const int usual = which.bytes <= 1 << 16 ? 60 : which.bytes <= 1 << 20 ? 20 : 5;
  return std::max(1, static_cast<int>(usual * options.effort));
}

std::vector<float> values_passed(const Case& which, int member) {
  std::vector<float> values(static_cast<std::size_t>(which.elements_in()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = value_passed(member, static_cast<std::int64_t>(i));
  }
  return values;
}

std::int64_t wrong_elements(const Case& which, int member, std::span<const float> received) {
  std::int64_t wrong = std::abs(which.elements_out() - std::ssize(received));
  for (std::int64_t i = 0; i < std::min(which.elements_out(), std::ssize(received)); ++i) {
    if (received[static_cast<std::size_t>(i)] != value_received(which, member, i)) ++wrong;
  }
  return wrong;
}

std::vector<double> time_repetitions(int repetitions, const std::function<void()>& meet,
                                     const std::function<void()>& collective) {
  std::vector<double> microseconds;
  for (int i = 0; i < repetitions; ++i) {
    meet();
    const auto start = std::chrono::steady_clock::now();
    collective();
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - start;
    microseconds.push_back(spent.count());
  }
  return microseconds;
}

std::vector<double> longest_of(const std::vector<std::vector<double>>& by_member) {
  std::vector<double> longest = by_member.front();
  for (const std::vector<double>& own : by_member) {
    for (std::size_t i = 0; i < longest.size(); ++i) longest[i] = std::max(longest[i], own[i]);
  }
  return longest;
}

void print(const std::string& library, const std::vector<Timed>& all, const Options& options) {
  options.json ? print_json(library, all) : print_table(library, all);
}

std::string to_string(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
      return "all_reduce";
    case Collective::all_gather:
      return "all_gather";
    case Collective::reduce_scatter:
      return "reduce_scatter";
    case Collective::all_to_all:
      break;
  }
  return "all_to_all";
}

}  // namespace lockstep::bench
