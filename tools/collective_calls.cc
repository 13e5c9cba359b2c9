#include "tools/collective_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "sim/base/text.h"

namespace lockstep::tools {
namespace {

template <class Value>
using Name = std::pair<std::string_view, Value>;

// One of `known` by its name; '-' and '_' are the same.
template <class Value, std::size_t kCount>
Result<Value> named(const std::string& what, const std::string& name,
                    const std::array<Name<Value>, kCount>& known) {
  const auto plain = [](std::string_view text) {
    std::string letters;
    for (const char letter : text) letters += letter == '_' ? '-' : letter;
    return letters;
  };
  std::vector<std::string> names;
  for (const auto& [text, value] : known) {
    if (plain(text) == plain(name)) return value;
    names.emplace_back(text);
  }
  const auto near = nearest(name, names);
  return plain_fault(fmt::format("unknown {} '{}'", what, name),
                     near ? fmt::format("did you mean {}?", *near) : "known: " + join(names, ", "));
}

Result<Collective> kind_of(const std::string& name) {
  static constexpr std::array<Name<Collective>, 14> kKinds{{
      {"all_reduce", Collective::all_reduce},
      {"all_gather", Collective::all_gather},
      {"reduce_scatter", Collective::reduce_scatter},
      {"all_to_all", Collective::all_to_all},
      {"alltoall", Collective::all_to_all},
      {"broadcast", Collective::broadcast},
      {"reduce", Collective::reduce},
      {"sendrecv", Collective::send_recv},
      {"all_gatherv", Collective::all_gatherv},
      {"reduce_scatterv", Collective::reduce_scatterv},
      {"all_to_allv", Collective::all_to_allv},
      {"dispatch", Collective::dispatch},
      {"combine", Collective::combine},
      {"barrier", Collective::barrier},
  }};
  return named("collective", name, kKinds);
}

// Of the types of nccl-tests, and their short names.
Result<int> element_bytes(const std::string& dtype) {
  static constexpr std::array<Name<int>, 16> kTypes{{
      {"int8", 1},
      {"uint8", 1},
      {"f8e4m3", 1},
      {"f8e5m2", 1},
      {"fp8", 1},
      {"half", 2},
      {"fp16", 2},
      {"bfloat16", 2},
      {"bf16", 2},
      {"int32", 4},
      {"uint32", 4},
      {"float", 4},
      {"fp32", 4},
      {"int64", 8},
      {"uint64", 8},
      {"double", 8},
  }};
  return named("data type", dtype, kTypes);
}

Result<LaunchStyle> launch_of(const std::string& name) {
  static constexpr std::array<Name<LaunchStyle>, 3> kStyles{{
      {"nccl-tests", LaunchStyle::nccl_tests},
      {"graph", LaunchStyle::graph},
      {"eager", LaunchStyle::eager},
  }};
  return named("launch style", name, kStyles);
}

struct Limit {
  std::string_view what;
  std::int64_t most = 0;
  std::string_view text;
};
constexpr Limit kBytes{"bytes", std::int64_t{1} << 44, "16T"};
constexpr Limit kTokens{"tokens of a rank", std::int64_t{1} << 24, "16M"};

// "512", "64K", "1M", "2G", "1T", also with B or iB behind: K = 1,024.
Result<std::int64_t> parse_size(const std::string& text, const Limit& limit = kBytes) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string unit = text.substr(digits);
  static constexpr std::array<std::string_view, 5> kUnits{"", "K", "M", "G", "T"};
  const auto number = parse_integer(text.substr(0, digits));
  for (std::size_t i = 0; number && i < kUnits.size(); ++i) {
    const std::string name(kUnits[i]);
    if (unit != name && unit != name + "B" && (i == 0 || unit != name + "iB")) continue;
    const int shift = static_cast<int>(i) * 10;
    if (*number >= 0 && *number <= limit.most >> shift) return std::int64_t{*number} << shift;
  }
  return plain_fault(
      fmt::format("'{}' is no number of {} from 0 to {}", text, limit.what, limit.text),
      "write whole numbers, with K, M, G or T for 1024, 1024^2, 1024^3, 1024^4: 512,64K,1M");
}

Result<std::vector<std::int64_t>> parse_list(const std::string& text, const Limit& limit = kBytes) {
  std::vector<std::int64_t> sizes;
  for (const std::string& part : split(text, ',')) {
    const auto size = parse_size(part, limit);
    if (!size) return size.faults();
    sizes.push_back(*size);
  }
  return sizes;
}

Result<std::vector<std::int64_t>> sizes_of(const CollectiveOptions& options) {
  if (!options.sizes.empty()) return parse_list(options.sizes);
  const auto begin = parse_size(options.begin);
  if (!begin) return begin.faults();
  const auto end = parse_size(options.end);
  if (!end) return end.faults();
  const bool grows = options.factor >= 1.01 && options.factor <= 1e6;  // not of a NaN
  if (*begin < 1 || *end < *begin || !grows) {
    return plain_fault(
        "the sizes do not grow from --begin to --end",
        "--begin must be at least 1 and not above --end, and --factor from 1.01 to 1,000,000");
  }
  std::vector<std::int64_t> sizes;
  for (double size = static_cast<double>(*begin); size <= static_cast<double>(*end);) {
    sizes.push_back(static_cast<std::int64_t>(size));
    size *= options.factor;
    if (static_cast<std::int64_t>(size) == sizes.back()) size += 1;
  }
  return sizes;
}

// The ranks of the group on the machine; with --nodes the machine's nodes are as wide as that
// takes.
Result<std::vector<int>> place(const CollectiveOptions& options, Hardware& hardware) {
  const int gpus = static_cast<int>(hardware.node.gpus);
  if (options.nodes > 0 && options.ranks % options.nodes != 0) {
    return plain_fault(
        fmt::format("{} ranks do not fill {} nodes evenly", options.ranks, options.nodes),
        "--ranks must be a multiple of --nodes");
  }
  const int each = options.nodes > 0 ? options.ranks / options.nodes : gpus;
  hardware.node.gpus = std::max(gpus, each);
  std::vector<int> ranks;
  for (int i = 0; i < options.ranks; ++i) {
    ranks.push_back(i / each * static_cast<int>(hardware.node.gpus) + i % each);
  }
  return ranks;
}

bool has_parts(Collective kind) {
  return kind == Collective::all_gatherv || kind == Collective::reduce_scatterv ||
         kind == Collective::all_to_allv;
}
bool has_tokens(Collective kind) {
  return kind == Collective::dispatch || kind == Collective::combine;
}

// `bytes` (of an all_to_allv: of one rank) in equal parts of whole elements, one a member or pair.
std::vector<std::int64_t> equal_parts(const CollectiveCall& call, std::int64_t bytes) {
  const std::int64_t n = std::ssize(call.ranks);
  const std::int64_t parts = call.kind == Collective::all_to_allv ? n * n : n;
  const std::int64_t each = bytes / n / call.element_bytes * call.element_bytes;
  return std::vector<std::int64_t>(static_cast<std::size_t>(parts), each);
}

CollectiveCall with_parts(CollectiveCall call, std::vector<std::int64_t> parts) {
  call.bytes = 0;
  for (const std::int64_t part : parts) call.bytes += part;
  call.sizes = std::move(parts);
  return call;
}

Result<std::vector<CollectiveCall>> with_given_parts(const CollectiveOptions& options,
                                                     const CollectiveCall& call) {
  auto parts = parse_list(options.parts);
  if (!parts) return parts.faults();
  const std::size_t expected = equal_parts(call, 0).size();
  if (!has_parts(call.kind) || parts->size() != expected) {
    return plain_fault(
        fmt::format("--parts has {} sizes", parts->size()),
        "all_gatherv and reduce_scatterv take one for each rank, all_to_allv one for each "
        "pair: what rank 0 has for 0, for 1, ..., then rank 1; others take none");
  }
  return std::vector<CollectiveCall>{with_parts(call, *std::move(parts))};
}

Result<std::vector<CollectiveCall>> with_tokens(const CollectiveOptions& options,
                                                CollectiveCall call) {
  const auto tokens = parse_list(options.tokens, kTokens);
  if (!tokens) return tokens.faults();
  if (options.top_k > options.experts) {
    return plain_fault(
        fmt::format("a token cannot have {} of {} experts", options.top_k, options.experts),
        "--top-k must not be above --experts");
  }
  std::vector<CollectiveCall> calls;
  for (const std::int64_t count : *tokens) {
    call.tokens = count;
    call.experts = options.experts;
    call.experts_per_token = options.top_k;
    call.bytes = count * options.top_k * options.hidden * call.element_bytes;
    calls.push_back(call);
  }
  return calls;
}

// The options that say how much is moved: by size, or by tokens.
constexpr std::array<const char*, 5> kSizeOptions{"--sizes", "--begin", "--end", "--factor",
                                                  "--parts"};
constexpr std::array<const char*, 4> kTokenOptions{"--tokens", "--hidden", "--top-k", "--experts"};

// An option that the collective does not look at, with those that it does.
std::optional<Diagnostic> unused_option(const CollectiveOptions& options, Collective kind) {
  const auto refuse = [&](const auto& unused, const char* hint) -> std::optional<Diagnostic> {
    for (const char* option : unused) {
      if (!options.said.contains(option)) continue;
      return plain_fault(fmt::format("{} takes no {}", to_string(kind), option), hint);
    }
    return std::nullopt;
  };
  if (has_tokens(kind)) {
    return refuse(kSizeOptions,
                  "its bytes follow from --tokens, --hidden, --top-k, --experts and --dtype");
  }
  constexpr const char* kBySize = "it takes --sizes, or --begin, --end and --factor";
  const bool is_barrier = kind == Collective::barrier;
  constexpr const char* kNothing = "it moves no data: --ranks and --nodes are all that counts";
  const auto fault = refuse(kTokenOptions, is_barrier ? kNothing : kBySize);
  return fault || !is_barrier ? fault : refuse(kSizeOptions, kNothing);
}

// One call for each row, all like `call`.
Result<std::vector<CollectiveCall>> calls_of(const CollectiveOptions& options,
                                             const CollectiveCall& call) {
  if (has_tokens(call.kind)) return with_tokens(options, call);
  if (!options.parts.empty()) return with_given_parts(options, call);
  if (call.kind == Collective::barrier) return std::vector<CollectiveCall>{call};
  const auto sizes = sizes_of(options);
  if (!sizes) return sizes.faults();
  std::vector<CollectiveCall> calls;
  for (const std::int64_t bytes : *sizes) {
    calls.push_back(call);
    calls.back().bytes = bytes;
    if (has_parts(call.kind)) calls.back() = with_parts(call, equal_parts(call, bytes));
  }
  return calls;
}

// What is the same in all calls.
Result<CollectiveCall> call_of(const CollectiveOptions& options, Hardware& hardware) {
  CollectiveCall call;
  Diagnostics faults;
  const auto take = [&](auto result, auto& value) {
    if (result) {
      value = *result;
    } else {
      faults.insert(faults.end(), result.faults().begin(), result.faults().end());
    }
  };
  take(kind_of(options.kind), call.kind);
  take(element_bytes(options.dtype), call.element_bytes);
  take(launch_of(options.launch), call.launch);
  take(place(options, hardware), call.ranks);
  call.algorithm = options.algorithm;
  call.library = options.library;
  if (!faults.empty()) return faults;
  return call;
}

}  // namespace

Result<Fidelity> fidelity_of(const std::string& name) {
  static constexpr std::array<Name<Fidelity>, 2> kFidelities{{
      {"messages", Fidelity::messages},
      {"closed-form", Fidelity::closed_form},
  }};
  return named("fidelity", name, kFidelities);
}

Result<std::vector<CollectiveCall>> collective_calls(const CollectiveOptions& options,
                                                     Hardware& hardware) {
  const auto call = call_of(options, hardware);
  if (!call) return call.faults();
  if (const auto fault = unused_option(options, call->kind)) return *fault;
  return calls_of(options, *call);
}

}  // namespace lockstep::tools
