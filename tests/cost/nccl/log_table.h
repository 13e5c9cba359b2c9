// Tables as nccl-tests prints them, of times that follow a line.
#pragma once

#include <fmt/format.h>

#include <string>

#include "sim/cost/nccl/log.h"

namespace lockstep::test {

// time = 10 us + bytes / 100,000 bytes/us; algbw = bytes / time; busbw = algbw x factor.
struct Table {
  double factor = 1.5;  // of an all-reduce on 4 ranks: 2 (4 - 1) / 4
  std::string operation = "sum";
  std::string figures;  // after each group
  std::string end;      // of a row

  static constexpr int kRows = 5;

  std::string row(std::int64_t bytes) const {
    const double time = 10 + static_cast<double>(bytes) / 1e5;
    const double rate = static_cast<double>(bytes) / time / 1e3;
    const std::string group =
        fmt::format("  {:7.2f}  {:6.2f}  {:6.2f}       0{}", time, rate, rate * factor, figures);
    return fmt::format("{:12} {:12}     float  {:>6}      -1{}{}{}\n", bytes, bytes / 4, operation,
                       group, group, end);
  }

  // 64 KiB, 256 KiB, ... 16 MiB
  std::string rows() const {
    std::string text;
    for (int i = 0; i < kRows; ++i) text += row(std::int64_t{65536} << 2 * i);
    return text;
  }
};

constexpr const char* kHead =
    "#       size         count      type   redop    root     time   algbw   busbw  #wrong     "
    "time   algbw   busbw  #wrong \n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)             "
    "(us)  (GB/s)  (GB/s)         \n";

inline std::string settings(int ranks = 4, const std::string& rest = "") {
  return fmt::format(
      "# nThread 1 nGpus {} minBytes 64 maxBytes 64 step: 4(factor) warmup iters: 1 iters: 20 {}\n",
      ranks, rest.empty() ? "agg iters: 1 validation: 1 graph: 0 unalign: 0" : rest);
}

inline std::string named(const std::string& test) {
  return "# nccl-tests version 2.17.6 nccl-headers=22807 nccl-library=22807\n"
         "# Collective test starting: " +
         test + "\n";
}

inline std::string concluded(const std::string& test) {
  return "# Out of bounds values : 0 OK\n# Collective test concluded: " + test + "\n#\n";
}

// As 2.16 and later print it.
inline std::string whole_run(const std::string& test, const Table& table) {
  return named(test) + settings() + kHead + table.rows() + concluded(test);
}

}  // namespace lockstep::test
