// What every command takes and how it ends.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/hardware.h"
#include "sim/report/style.h"
#include "sim/scenario/scenario.h"

namespace lockstep::tools {

// Exit codes (design section 4).
inline constexpr int kGood = 0;           // holds, agrees, passed
inline constexpr int kBad = 1;            // violated, diverges or stopped, failed
inline constexpr int kBadInput = 2;       // and bad usage
inline constexpr int kUndecided = 3;      // unknown, inconclusive
inline constexpr int kNoBackend = 4;      // no such backend or device here
inline constexpr int kProcessFailed = 5;  // of the backends that have some
inline constexpr int kInterrupted = 128;  // and the signal's number, as shells count

// Options that all commands share.
struct Common {
  std::vector<std::string> files;
  std::vector<std::string> set;  // path=value
  std::string json;              // file, or "-" for standard output; empty: none
  bool quiet = false;
  bool all = false;
  bool fixed = false;  // with the edits of the file's `fix`
  int neighbour = 0;   // with those of its neighbour N, from 1; 0: none

  Variant variant() const;
};

// Splits `path=value` texts.
Result<std::vector<Setting>> parse_settings(const std::vector<std::string>& texts);

// The hardware of a preset or a file, with the constants that `set` replaces (path=value).
Result<Hardware> hardware_with(const std::string& preset_or_path,
                               const std::vector<std::string>& set);

// Colours on a terminal without NO_COLOR.
Style style_of(std::FILE* stream);

void print(const std::string& text);  // to standard output
int fail(const Diagnostics& faults);  // to standard error; kBadInput

// The worst of several results: bad input, no backend, a process failed, bad, undecided, good.
int worse(int a, int b);

}  // namespace lockstep::tools
