#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kPicosecond = 1e-6;  // in microseconds

// Three layers of the case of #24785: enough for every operation of it.
const std::string kShort = kBefore + " --set model.num_hidden_layers=3";

// A step that the server runs in a CUDA graph.
const std::string kDecode =
    kShort + " --set batch.forward_mode=decode --set 'batch.tokens=[16,3,0,7,1,12,5,9]'";

Json run_json(const std::string& arguments, int code = 0) {
  const Finished run = lockstep("run " + arguments + " --json -");
  CHECK(run.code == code);
  CHECK(run.err.empty());
  return Json::parse(run.out);
}

Json without_measured(Json json) {
  json.erase("measured");
  return json;
}

TEST_CASE("run prints where the time goes, by rank, operation and module") {
  const Finished run = lockstep("run " + kBefore);
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK(contains(run.out, "8 ranks, 61 layers, hgx-b300 (1 node of 8 GPUs)"));
  CHECK(contains(run.out, "makespan"));
  CHECK(contains(run.out, "2668 prompt tokens"));
  CHECK(contains(run.out, "reduce_scatterv"));
  CHECK(contains(run.out, "critical path"));
  CHECK_FALSE(contains(run.out, "layer 5"));
  CHECK(contains(lockstep("run --all " + kBefore).out, "layer 5"));
  CHECK(lockstep("run -q " + kShort).out.empty());
}

TEST_CASE("the parts of each rank's time sum to the makespan, and so does the critical path") {
  const Json json = run_json(kShort);
  CHECK(json["schema"] == "lockstep.run/1");
  const double makespan = json["makespan_us"];
  CHECK(makespan > 0);
  CHECK(json["ranks"].size() == 8);
  for (const Json& rank : json["ranks"]) {
    double sum = 0;
    for (const char* part : {"compute_us", "communication_us", "wait_us", "idle_us"}) {
      CHECK(rank[part] >= 0);
      sum += rank[part].get<double>();
    }
    CHECK(std::abs(sum - makespan) < kPicosecond);
  }
  double at = 0;
  for (const Json& link : json["critical_path"]) {
    CHECK(std::abs(link["begin_us"].get<double>() - at) < kPicosecond);
    at += link["duration_us"].get<double>();
  }
  CHECK(std::abs(at - makespan) < 1e-3);
}

TEST_CASE("the same scenario gives the same bytes but for what was measured") {
  CHECK(without_measured(run_json(kShort)) == without_measured(run_json(kShort)));
}

TEST_CASE("the rank with the longest prompt waits least") {
  const Json ranks = run_json(kShort)["ranks"];  // 1,024 tokens on rank 0, none on rank 2
  for (const Json& rank : ranks) CHECK(rank["wait_us"] >= ranks[0]["wait_us"]);
  CHECK(ranks[2]["wait_us"] > ranks[0]["wait_us"]);
}

TEST_CASE("a plan file runs as its scenario does on the default hardware") {
  const std::string file = scratch() + "timed.plan.yaml";
  write(file, lockstep("plan " + kShort).out);
  const Json plan = run_json(file);
  const Json scenario = run_json(kShort + " --set hardware=hgx-h200");
  CHECK(plan["trace_hash"] == scenario["trace_hash"]);
  CHECK(plan["hardware"] == "hgx-h200");
}

TEST_CASE("against its fix, the double reduction costs the all-reduce that the fix removes") {
  const Json json = run_json(kBefore + " --against-fixed");
  const Json& against = json["against"];
  CHECK(against["difference_us"] > 0);
  CHECK(against["makespan_us"].get<double>() + against["difference_us"].get<double>() ==
        doctest::Approx(json["makespan_us"].get<double>()));
  std::vector<std::string> only_here;
  for (const Json& op : against["operations"]) {
    if (op["there_us"].is_null()) only_here.push_back(op["name"]);
    CHECK_FALSE(op["here_us"].is_null());
  }
  CHECK(only_here == std::vector<std::string>{"down_proj all_reduce"});
  const Finished text = lockstep("run " + kBefore + " --against " + kAfter);
  CHECK(contains(text.out, "against 24785-kimi-k2.6-dep8-after"));
  CHECK(contains(text.out, "only here"));
  CHECK(contains(text.out, "all_reduce (down_proj all_reduce) over tp, layer 0, mlp"));
}

TEST_CASE("against itself nothing differs; against other settings they are named") {
  const Json same = run_json(kShort + " --against " + kBefore);
  CHECK(same["against"]["difference_us"] == 0);
  CHECK(same["against"]["operations"].empty());
  const Finished other = lockstep("run " + kShort + " --against-set hardware=hgx-h200");
  CHECK(other.code == 0);
  CHECK(contains(other.out, "24785-kimi-k2.6-dep8-before hardware=hgx-h200"));
}

TEST_CASE("a deadlock ends the run with who waits for whom, and exit code 1") {
  const std::string lesson = "scenarios/lessons/deadlock.yaml";
  const Finished run = lockstep("run " + lesson);
  CHECK(run.code == 1);
  CHECK(contains(run.out, "cannot end"));
  CHECK(contains(run.out, "rank 0 waits for rank 1 at line 11: all_reduce (all_reduce x) over tp"));
  CHECK(contains(run.out, "rank 1 never makes that call"));
  const Json stuck = run_json(lesson, 1)["stuck"];
  CHECK(stuck["cause"] == "deadlock");
  REQUIRE(stuck["waits"].size() == 1);
  CHECK(stuck["waits"][0]["kind"] == "all_reduce");
}

TEST_CASE("a deadlock writes no trace, and says so of a file that is there") {
  const std::string file = scratch() + "stale.trace.json";
  const std::string run = "run scenarios/lessons/deadlock.yaml --trace " + file;
  CHECK(lockstep(run).err == "note: no trace was written, since the plan cannot end\n");
  write(file, "old");
  CHECK(contains(lockstep(run).err, "stale.trace.json is of an earlier run"));
  CHECK(read(file) == "old");
}

TEST_CASE("a trace on standard output stands there alone, and not beside JSON") {
  const Finished run = lockstep("run " + kShort + " --trace -");
  CHECK(run.code == 0);
  CHECK(Json::parse(run.out).contains("traceEvents"));
  for (const std::string& place : {std::string("-"), scratch() + "trace.or.json"}) {
    const Finished both = lockstep("run " + kShort + " --trace " + place + " --json " + place);
    CHECK(both.code == 2);
    CHECK(both.out.empty());
    CHECK(contains(both.err, "--trace and --json both write to"));
  }
}

TEST_CASE("a run says that its hardware is a preset, and how far off that has been") {
  CHECK(contains(lockstep("run " + kShort).out, "\npreset hgx-b300: Median / 95th percentile"));
  CHECK(contains(run_json(kShort)["hardware_accuracy"], "Collectives: "));
  CHECK(contains(lockstep("run " + kShort + " --set hardware.node.link_GBps=50").out,
                 "preset hgx-b300 with other constants: how far off is not known"));
}

TEST_CASE("a collective mismatch names each call and who makes it") {
  const Finished run = lockstep("run scenarios/lessons/collective-mismatch.yaml");
  CHECK(run.code == 1);
  CHECK(contains(run.out, "collective mismatch"));
  CHECK(contains(run.out, "rank 0 calls all_reduce of 4 rows"));
  CHECK(contains(run.out, "rank 1 calls all_reduce of 2 rows"));
}

TEST_CASE("a cycle of two communicators is told rank by rank") {
  const Finished run =
      lockstep("run scenarios/bugs/nccl/574-two-communicators-in-another-order.yaml");
  CHECK(run.code == 1);
  CHECK(contains(run.out, "deadlock: these ranks wait for each other"));
  CHECK(contains(run.out, "rank 0 waits for rank 1"));
  CHECK(contains(run.out, "rank 1 waits for rank 0"));
}

TEST_CASE("run says what the fullest rank holds, and what of it is what") {
  const Json memory = run_json(kShort)["memory"];
  CHECK(memory["fits"] == true);
  const std::int64_t used = memory["used_bytes"];
  CHECK(used == memory["weights_bytes"].get<std::int64_t>() +
                    memory["cache_bytes"].get<std::int64_t>() +
                    memory["buffers_bytes"].get<std::int64_t>());
  CHECK(memory["left_bytes"] == memory["capacity_bytes"].get<std::int64_t>() - used);
  // The longest prompt has most cached tokens: 1,024 x 3 layers x 576 columns x 2 bytes, on rank 0.
  CHECK(memory["rank"] == 0);
  CHECK(memory["cache_bytes"] == 1024LL * 3 * 576 * 2);
  CHECK(contains(lockstep("run " + kShort).out, "memory of the fullest rank (0): "));
}

TEST_CASE("a model that does not fit is timed, with a warning") {
  const Finished run = lockstep("run " + kShort + " --set hardware.gpu.memory_GB=1");
  CHECK(run.code == 0);
  CHECK(contains(run.out, "does not fit: "));
  CHECK(contains(run.out, "makespan"));
  CHECK(contains(run.err, "warning: 24785-kimi-k2.6-dep8-before"));
  CHECK(contains(run.err, "GB of 1.0 GB"));
  CHECK(lockstep("run -q " + kShort + " --set hardware.gpu.memory_GB=1").err.empty());
}

TEST_CASE("nothing is said of the memory of a program that was written by hand") {
  const std::string program = "scenarios/lessons/double-reduction.yaml";
  CHECK_FALSE(run_json(program).contains("memory"));
  CHECK_FALSE(contains(lockstep("run " + program).out, "memory"));
}

TEST_CASE("bad input is told, with exit code 2") {
  CHECK(lockstep("run no-such-file.yaml").code == 2);
  const Finished nodes = lockstep("run " + kShort +
                                  " --set hardware.nodes=1 "
                                  "--set hardware.node.gpus=4");
  CHECK(nodes.code == 2);
  CHECK(contains(nodes.err, "8 ranks do not fit on 1 node of 4 GPUs"));
}

TEST_CASE("ranks to trace that the plan does not have are told before anything is timed") {
  const std::string file = scratch() + "t.json";
  for (const std::string wrong : {"9", "0-8", "x"}) {
    const Finished ranks =
        lockstep("run " + kShort + " --trace " + file + " --trace-ranks " + wrong);
    CHECK(ranks.code == 2);
    CHECK(contains(ranks.err, "expected ranks of 0-7"));
    CHECK(ranks.out.empty());
    CHECK(read(file).empty());
  }
  const Finished alone = lockstep("run " + kShort + " --trace-ranks 0");
  CHECK(alone.code == 2);
  CHECK(contains(alone.err, "--trace-ranks needs --trace FILE"));
}

TEST_CASE("a hardware file is named as a preset is, and found where the command is typed") {
  const std::string file = scratch() + "mine.yaml";
  write(file, "lockstep_hardware: 1\nbase: hgx-h200\nname: mine\n");
  CHECK(run_json(kShort + " --set hardware=" + file)["hardware"] == "mine");
  const std::string beside = "scenarios/hardware/hgx-a100.yaml";  // not beside the scenario
  CHECK(run_json(kShort + " --set hardware=" + beside)["hardware"] == "hgx-a100");
  const Finished absent = lockstep("run " + kShort + " --set hardware=absent.yaml");
  CHECK(absent.code == 2);
  CHECK(contains(absent.err, "relative to the scenario, or to the working directory"));
  const Finished misspelt = lockstep("run " + kShort + " --set hardware=hgx-h20");
  CHECK(misspelt.code == 2);
  CHECK(contains(misspelt.err, "did you mean 'hgx-h200'?"));
}

struct Slice {
  double begin = 0;
  double end = 0;
};

// True if each slice of a track lies within, or beside, every other one.
bool nests(const std::vector<Slice>& slices) {
  std::vector<Slice> open;
  for (const Slice& slice : slices) {  // in the order of the file: by begin, the longer one first
    while (!open.empty() && open.back().end <= slice.begin + kPicosecond / 2) open.pop_back();
    if (!open.empty() && slice.end > open.back().end + kPicosecond / 2) return false;
    open.push_back(slice);
  }
  return true;
}

TEST_CASE("a trace is JSON in which every slice nests, with a track for each rank and stream") {
  const std::string file = scratch() + "trace.json";
  CHECK(lockstep("run -q " + kShort + " --trace " + file).code == 0);
  const Json trace = Json::parse(read(file));
  std::map<std::pair<int, int>, std::vector<Slice>> tracks;
  std::map<std::int64_t, std::set<std::string>> arrows;
  std::set<std::string> processes;
  for (const Json& event : trace["traceEvents"]) {
    const std::string kind = event["ph"];
    if (kind == "M" && event["name"] == "process_name") processes.insert(event["args"]["name"]);
    if (kind == "s" || kind == "t" || kind == "f") arrows[event["id"]].insert(kind);
    if (kind != "X") continue;
    const double begin = event["ts"];
    tracks[{event["pid"], event["tid"]}].push_back({begin, begin + event["dur"].get<double>()});
  }
  CHECK(processes.size() == 8);
  CHECK(tracks.size() == 8);  // one stream each
  for (const auto& [track, slices] : tracks) CHECK(nests(slices));
  CHECK_FALSE(arrows.empty());
  for (const auto& [id, kinds] : arrows) {
    CHECK(kinds.contains("s"));
    CHECK(kinds.contains("f"));
  }
}

TEST_CASE("the slices of a collective say what it moves and what it is meant to give") {
  const std::string file = scratch() + "args.json";
  CHECK(lockstep("run -q " + kShort + " --trace " + file + " --trace-ranks 0").code == 0);
  const Json trace = Json::parse(read(file));
  bool found = false;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "X" || event["name"] != "down_proj all_reduce") continue;
    found = true;
    CHECK(event["pid"] == 0);
    CHECK(event["args"]["bytes"] == 2668LL * 7168 * 2);  // rows x hidden x bfloat16
    CHECK(event["args"]["L0.mlp_out"] == "rows all, L0.mlp.down");
    CHECK_FALSE(event["args"]["algorithm"].get<std::string>().empty());
  }
  CHECK(found);
}

TEST_CASE("message by message, messages are sent and the time is of the same order") {
  const Json messages = run_json(kShort + " --fidelity messages");
  const Json closed = run_json(kShort);
  CHECK(messages["fidelity"] == "messages");
  CHECK(messages["messages"] > 0);
  CHECK(closed["messages"] == 0);
  const double ratio = messages["makespan_us"].get<double>() / closed["makespan_us"].get<double>();
  CHECK(ratio > 3.0 / 4);
  CHECK(ratio < 4.0 / 3);
  CHECK_FALSE(contains(messages["notes"].dump(), "message by message"));
}

// One ring leaves a node through one NIC; NCCL's channels use all eight.
TEST_CASE("a run by messages that is far from the closed form says so, with both times") {
  const std::string nodes =
      kShort +
      " --set parallel.tp_size=16 --set parallel.dp_size=16 --set parallel.ep_size=16 --set "
      "'batch.tokens=[4096,4,4,4,4,4,4,4,4,4,4,4,4,4,4,4]'";
  const Json messages = run_json(nodes + " --fidelity messages");
  const double closed = run_json(nodes)["makespan_us"];
  const double sent = messages["makespan_us"];
  REQUIRE(sent > closed * 4 / 3);
  const std::string note = fmt::format(
      "message by message this takes {:.1f} us, by the closed form {:.1f} us", sent, closed);
  CHECK(contains(messages["notes"].dump(), note));
  CHECK(contains(lockstep("run " + nodes + " --fidelity messages").out, "note: " + note));
}

TEST_CASE("a decode in a CUDA graph takes less than one whose kernels the host starts") {
  const double graph = run_json(kDecode + " --launch graph")["makespan_us"];
  const double eager = run_json(kDecode + " --launch eager")["makespan_us"];
  CHECK(graph < eager);
  const Json plain = run_json(kDecode);
  CHECK(plain["steps"][0]["cuda_graph"] == true);
  CHECK(plain["makespan_us"] == graph);
}

TEST_CASE("the text says how steps were launched, not how the server would") {
  CHECK(contains(lockstep("run " + kDecode).out, "step 0 in a CUDA graph: "));
  const Finished eager = lockstep("run " + kDecode + " --launch eager");
  CHECK(contains(eager.out, "step 0: the host launches each kernel, as asked"));
  CHECK_FALSE(contains(eager.out, "step 0 in a CUDA graph"));
  CHECK(run_json(kDecode + " --launch eager")["steps"][0]["cuda_graph"] == false);
  const Finished graph = lockstep("run " + kShort + " --launch graph");
  CHECK(contains(graph.out, "step 0: launched as a CUDA graph, as asked"));
  CHECK(contains(graph.out, "step 0 in a CUDA graph: "));
  CHECK_FALSE(contains(lockstep("run " + kShort + " --launch eager").out, "as asked"));
}

}  // namespace
}  // namespace lockstep::test
