// The tables of nccl-tests: their heads and rows.
//
//   #  size  count  type  redop  root  time  algbw  busbw  #wrong  time  algbw  busbw  #wrong
//
// The figures stand there twice, out of place and in place. Layouts differ in the columns redop and
// root, in the last figure (error, #wrong, res), in further figures (-I 1: i_min, i_max, ...) and
// in a stamp of time at the end (-S 1). The head says which; where there is none, the number of
// figures does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

std::vector<std::string> words_of(const std::string& line);
std::optional<std::int64_t> whole_number(const std::string& word);
std::optional<double> figure(const std::string& word);
// Bytes of one element, by the names that nccl-tests gives ("float"); 0: not a type.
int bytes_of_type(const std::string& word);
// Of "# nThread 1 nGpus 8 ... graph: 0": the number that follows `key`.
std::optional<std::int64_t> number_after(const std::vector<std::string>& words,
                                         std::string_view key);

// What the head of a table says.
struct NcclColumns {
  bool known = false;         // there was a head
  bool root = false;          // a column of it
  int groups = 2;             // of figures: out of place, in place
  std::size_t figures = 4;    // of a group; the first is the time
  std::size_t algorithm = 1;  // where algbw stands in a group
  std::size_t bus = 2;
  std::optional<std::size_t> wrong = 3;
  bool host_time = false;     // "cputime"
  bool counts_wrong = false;  // "#wrong", not the largest error
  bool milliseconds = false;  // the layout of 2017: "bytes N type op time ..."
};

// Nothing if the line is no head.
std::optional<NcclColumns> columns_of(const std::vector<std::string>& words);

// A figure as it was printed, and how far it may be off by that.
struct Printed {
  double value = 0;
  double half = 0;     // of its last digit
  bool known = false;  // false: N/A
};
Printed printed(const std::string& word);

struct NcclRow {
  int line = 0;
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  int element_bytes = 0;
  std::string operation;  // "sum", "none"; "": the layout has no such column
  Printed time;           // out of place; in place where only that is there
  Printed algorithm;
  Printed bus;
  std::vector<std::string> wrong;  // the last columns: "0", "N/A"; "0e+00" where it is an error
};

enum class RowState : std::uint8_t { none, part, whole };
struct ReadRow {
  RowState state = RowState::none;
  NcclRow row;     // of a whole one
  int groups = 0;  // of figures
};

// `none`: no size, count and type stand there. `part`: they do, but not all figures of a group.
ReadRow read_row(std::vector<std::string> words, const NcclColumns& columns);

// Whether `bytes` are those of `count` elements, or of as many for each rank.
bool has_whole_elements(const NcclRow& row);

// Nothing but figures, and a stamp of time at the end: the end of a row, perhaps.
bool is_all_figures(std::vector<std::string> words);

}  // namespace lockstep
