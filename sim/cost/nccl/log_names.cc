#include "sim/cost/nccl/log_names.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace lockstep {
namespace {

struct Name {
  std::string_view text;
  std::string_view test;  // as nccl-tests calls it
  std::optional<Collective> kind;
  bool is_word = false;  // of common English, too
};
// Longer names before those that they contain.
constexpr Name kNames[] = {
    {"all_reduce", "all_reduce", Collective::all_reduce},
    {"allreduce", "all_reduce", Collective::all_reduce},
    {"all_gather", "all_gather", Collective::all_gather},
    {"allgather", "all_gather", Collective::all_gather},
    {"reduce_scatter", "reduce_scatter", Collective::reduce_scatter},
    {"reducescatter", "reduce_scatter", Collective::reduce_scatter},
    {"all_to_allv", "alltoallv", std::nullopt},
    {"alltoallv", "alltoallv", std::nullopt},
    {"alltoall", "alltoall", Collective::all_to_all},
    {"all_to_all", "alltoall", Collective::all_to_all},
    {"broadcast", "broadcast", Collective::broadcast, true},
    {"sendrecv", "sendrecv", Collective::send_recv},
    {"send_recv", "sendrecv", Collective::send_recv},
    {"hypercube", "hypercube", std::nullopt},
    {"reduce", "reduce", Collective::reduce, true},
    {"gather", "gather", std::nullopt, true},
    {"scatter", "scatter", std::nullopt, true},
};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

std::string normal(std::string text) {
  for (char& c : text) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

bool stands_at(const std::string& text, std::size_t at, const Name& name) {
  const std::size_t end = at + name.text.size();
  if (end < text.size() && is_letter(text[end])) return false;
  return !name.is_word || at == 0 || !is_letter(text[at - 1]);
}

std::optional<NcclTestName> known_in(const std::string& raw) {
  const std::string text = normal(raw);
  for (const Name& name : kNames) {
    for (std::size_t at = text.find(name.text); at != std::string::npos;
         at = text.find(name.text, at + 1)) {
      if (stands_at(text, at, name)) return NcclTestName{std::string(name.test), name.kind};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<NcclTestName> test_in_line(const std::string& line) {
  constexpr std::string_view kEnd = "_perf";
  const bool says = line.find("Collective test starting") != std::string::npos;
  std::optional<NcclTestName> found;
  for (std::size_t at = line.find(kEnd); at != std::string::npos; at = line.find(kEnd, at + 1)) {
    const std::size_t before = line.find_last_of(" /\\\t:'\"=", at);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    const std::string program = line.substr(begin, at - begin);
    auto name = known_in(program);
    if (!name && says) name = NcclTestName{program, std::nullopt};  // a test of somebody's own
    if (!name) continue;
    if (found && *found != *name) return std::nullopt;
    found = name;
  }
  return found;
}

std::optional<NcclTestName> test_in_name(const std::string& name) { return known_in(name); }

}  // namespace lockstep
