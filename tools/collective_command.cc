#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>

#include "sim/cost/serving/libraries.h"
#include "sim/report/accuracy.h"
#include "sim/report/collective_report.h"
#include "tools/collective_calls.h"
#include "tools/commands.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

// An algorithm without a library: on the links of the hardware.
bool is_on_links(const CollectiveCall& call) {
  return !call.algorithm.empty() && call.library.empty();
}

Result<Prediction> prediction_of(const CollectiveCall& call, const Hardware& hardware,
                                 Fidelity fidelity) {
  if (is_on_links(call)) return predict(call, hardware, fidelity);
  auto prediction = predict_library(call, hardware);
  if (!prediction) return prediction;
  if (auto refusal = library_refusal(call, prediction->time, hardware)) return *refusal;
  return prediction;
}

// A library's model is a closed form and knows no messages.
std::optional<Diagnostic> unused_fidelity(const CollectiveOptions& options,
                                          const CollectiveCall& call) {
  if (is_on_links(call) || !options.said.contains("--fidelity")) return std::nullopt;
  return plain_fault("--fidelity is of an algorithm on links; here a library's model answers",
                     call.library.empty() ? "add --algorithm NAME, or leave --fidelity out"
                                          : "leave --library out, or --fidelity");
}

Result<CollectiveTable> table_of(const CollectiveOptions& options) {
  auto hardware = hardware_with(options.hardware, options.set);
  if (!hardware) return hardware.faults();
  const auto fidelity = fidelity_of(options.fidelity);
  if (!fidelity) return fidelity.faults();
  const auto calls = collective_calls(options, *hardware);
  if (!calls) return calls.faults();
  if (const auto fault = unused_fidelity(options, calls->front())) return *fault;
  const int gpus = static_cast<int>(hardware->node.gpus);
  const CollectiveCall& first = calls->front();
  CollectiveTable table{first.kind,
                        options.dtype,
                        first.ranks.back() / gpus + 1,
                        hardware->name,
                        options.library,
                        options.algorithm,
                        is_on_links(first) ? std::optional(*fidelity) : std::nullopt,
                        {},
                        accuracy_line(*hardware, AccuracyOf::collectives)};
  for (const CollectiveCall& one : *calls) {
    auto prediction = prediction_of(one, *hardware, *fidelity);
    if (!prediction) return prediction.faults();
    table.rows.push_back({one, *std::move(prediction)});
    if (falls_back_by_size(one, *hardware)) table.fallback = fallback_note(one, *hardware);
  }
  return table;
}

int run_collective(const CollectiveOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Result<CollectiveTable> table = table_of(options);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  if (!table) return fail(table.faults());
  JsonOutput json(options.json);
  if (json.wanted()) json.add(collective_json(*table, wall.count()));
  if (!json.alone()) print(collective_text(*table));
  return json.finish();
}

void add_sizes(CLI::App& command, CollectiveOptions& options) {
  command.add_option("--sizes", options.sizes, "bytes as nccl-tests counts them: 512,64K,1M");
  command.add_option("--begin", options.begin, "without --sizes: from here");
  command.add_option("--end", options.end, "to here");
  command.add_option("--factor", options.factor, "each size so many times the one before");
  command.add_option("--parts", options.parts,
                     "all_gatherv, reduce_scatterv: bytes of each rank; all_to_allv: of each pair");
  command.add_option("--tokens", options.tokens, "dispatch, combine: tokens of a rank, for sizes");
  command.add_option("--hidden", options.hidden, "elements of a token")
      ->check(whole_number(1, kMostHidden));
  command.add_option("--top-k", options.top_k, "experts of a token")
      ->check(whole_number(1, kMostTopK));
  command.add_option("--experts", options.experts, "of all ranks")
      ->check(whole_number(1, kMostExperts));
}

std::string help_on_algorithms() {
  std::string text = "algorithms, and the groups that they serve:\n";
  for (const Algorithm* algorithm : algorithms()) {
    text +=
        fmt::format("  {:<19}{}; {}\n", algorithm->name, algorithm->about, algorithm->precondition);
  }
  return text;
}

}  // namespace

void add_collective(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("collective", "how long a collective takes, in the table of nccl-tests");
  auto options = std::make_shared<CollectiveOptions>();
  command
      ->add_option(
          "kind", options->kind,
          "all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce, "
          "sendrecv, all_gatherv, reduce_scatterv, all_to_allv, dispatch, combine, barrier")
      ->required();
  command->add_option("--ranks", options->ranks, "of the group")
      ->required()
      ->check(whole_number(1, kMostRanks));
  command->add_option("--nodes", options->nodes, "that they fill evenly; without it, as few as do")
      ->check(whole_number(1, kMostRanks));
  add_sizes(*command, *options);
  command->add_option("--hardware", options->hardware, "a preset, or a hardware file");
  command->add_option("--set", options->set, "path=value: replace one constant of the hardware")
      ->allow_extra_args(false);
  command->add_option("--dtype", options->dtype, "float, half, bfloat16, fp8, ...");
  command->add_option("--launch", options->launch, "nccl-tests, graph or eager");
  command->add_option(
      "--library", options->library,
      "nccl, custom (SGLang's), vllm, trtllm, symmetric, deepep; without it, the one "
      "that a server would take");
  command->add_option(
      "--algorithm", options->algorithm,
      "this one, on the links of the hardware, without a launch; with --library, the library's");
  command->add_option("--fidelity", options->fidelity,
                      "of an algorithm: messages (each through the links) or closed-form");
  command->add_option("--json", options->json, "write JSON to FILE, or - for standard output");
  command->footer(
      help_on_algorithms() +
      "examples:\n"
      "  lockstep collective all_reduce --ranks 8 --sizes 512,1M,64M\n"
      "  lockstep collective all_reduce --ranks 512 --nodes 1 --sizes 64M --algorithm ring\n"
      "      --set node.link_GBps=50 --set node.link_latency_us=0.5\n"
      "  lockstep collective reduce_scatterv --ranks 4 --parts 1M,2M,0,1M --algorithm ring\n"
      "exit codes: 0 done, 2 bad input");
  command->callback([options, command, &run] {
    for (const CLI::Option* option : command->get_options()) {
      if (option->count() > 0) options->said.insert(option->get_name());
    }
    run = [options] { return run_collective(*options); };
  });
}

}  // namespace lockstep::tools
