#include <doctest/doctest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

// The network of the worked numbers.
const std::string kNetwork = " --set node.link_GBps=50 --set node.link_latency_us=0.5";

// The first row of a table in JSON.
Json row(const std::string& arguments) {
  const Finished run = lockstep("collective " + arguments + " --json -");
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out)["rows"][0];
}

std::string time_of(const std::string& arguments) {
  return fmt::format("{:.2f}", row(arguments + kNetwork)["time_us"].get<double>());
}

TEST_CASE("algorithms at 50 GB/s and 0.5 us take the times of their formulas, message by message") {
  for (const std::string fidelity : {" --fidelity messages", " --fidelity closed-form"}) {
    CHECK(time_of("all_reduce --ranks 8 --sizes 64M --algorithm ring" + fidelity) == "2355.81");
    CHECK(time_of("all_reduce --ranks 512 --nodes 1 --sizes 64M --algorithm ring" + fidelity) ==
          "3190.11");
    CHECK(time_of("all_to_all --ranks 512 --nodes 1 --sizes 32M --algorithm direct" + fidelity) ==
          "670.28");
    CHECK(time_of("all_to_all --ranks 512 --nodes 1 --sizes 32M --algorithm pairwise" + fidelity) ==
          "925.28");
    CHECK(time_of("all_reduce --ranks 4096 --nodes 1 --sizes 64M --algorithm recursive-doubling" +
                  fidelity) == "16112.13");
  }
  CHECK(time_of("all_reduce --ranks 4096 --nodes 1 --sizes 64M --algorithm ring "
                "--fidelity closed-form") == "6778.70");
}

// 2 n (n - 1) messages of a ring; busbw = S / t x 2 (n - 1) / n.
TEST_CASE("the JSON of a collective has its bytes, times, bandwidths and messages") {
  const std::string arguments =
      "collective all_reduce --ranks 8 --sizes 512,64M --algorithm ring" + kNetwork + " --json -";
  const Finished run = lockstep(arguments);
  CHECK(run.code == 0);
  REQUIRE(run.out.find('\n') == run.out.size() - 1);
  Json json = Json::parse(run.out);
  CHECK(json["schema"] == "lockstep.collective/1");
  CHECK(json["collective"] == "all_reduce");
  CHECK(json["ranks"] == 8);
  CHECK(json["nodes"] == 1);
  CHECK(json["hardware"] == "hgx-h200");
  CHECK(json["algorithm"] == "ring");
  CHECK(json["fidelity"] == "messages");
  REQUIRE(json["rows"].size() == 2);
  const Json& last = json["rows"][1];
  CHECK(last["bytes"] == 67108864);
  CHECK(last["messages"] == 112);
  CHECK(last["algorithm"] == "ring");
  CHECK(last["protocol"] == "");
  const double algbw = 67108864 / (last["time_us"].get<double>() * 1e3);
  CHECK(last["algbw_GBps"].get<double>() == doctest::Approx(algbw));
  CHECK(last["busbw_GBps"].get<double>() == doctest::Approx(algbw * 2 * 7 / 8));
  Json again = Json::parse(lockstep(arguments).out);
  json.erase("measured");
  again.erase("measured");
  CHECK(json.dump() == again.dump());
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// size count type redop root, and twice: time algbw busbw #wrong.
TEST_CASE("the table has the columns of nccl-tests") {
  const Finished run = lockstep(
      "collective all_gather --ranks 8 --sizes 1M --dtype float --algorithm ring" + kNetwork);
  CHECK(run.code == 0);
  std::istringstream lines(run.out);
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] != '#') rows.push_back(words(line));
    if (contains(line, "busbw")) header = words(line);
  }
  CHECK(header == std::vector<std::string>{"#", "size", "count", "type", "redop", "root", "time",
                                           "algbw", "busbw", "#wrong", "time", "algbw", "busbw",
                                           "#wrong"});
  REQUIRE(rows.size() == 1);
  // 7 (0.5 us + 128 KiB / 50 GB/s) = 21.85 us; 1 MiB / that = 47.99 GB/s, x 7/8 = 41.99.
  CHECK(rows[0] == std::vector<std::string>{"1048576", "32768", "float", "none", "-1", "21.85",
                                            "47.99", "41.99", "N/A", "21.85", "47.99", "41.99",
                                            "N/A"});
  CHECK(contains(run.out, "# Avg bus bandwidth    : 41.99"));
}

TEST_CASE("without an algorithm the library's model answers, and says which it took") {
  const Json nccl = row("all_reduce --ranks 8 --sizes 1M");
  CHECK(nccl["library"] == "nccl");
  CHECK(nccl["launch_us"].get<double>() > 0);
  CHECK(nccl["messages"].is_null());
  const Json custom = row("all_reduce --ranks 8 --sizes 64K --launch graph");
  CHECK(custom["library"] == "custom");
  CHECK(custom["time_us"].get<double>() < nccl["time_us"].get<double>());
  CHECK(row("dispatch --ranks 8 --tokens 128")["tokens"] == 128);
}

TEST_CASE("uneven parts, expert exchange and several nodes are asked for by their options") {
  // Blocks of 4, 1, 0 and 1 MB: 3 (0.5 us + 4 MB / 50 GB/s) = 241.5 us.
  CHECK(time_of("reduce_scatterv --ranks 4 --parts 4000000,1000000,0,1000000 --algorithm ring") ==
        "241.50");
  const Json wide = row("all_reduce --ranks 16 --nodes 4 --sizes 64M --algorithm hierarchical");
  const Json narrow = row("all_reduce --ranks 16 --nodes 2 --sizes 64M --algorithm hierarchical");
  CHECK(wide["time_us"].get<double>() > narrow["time_us"].get<double>());
  CHECK(row("combine --ranks 16 --tokens 64 --algorithm normal")["messages"] == 16 + 16 * 7);
}

std::string refused(const std::string& arguments) {
  const Finished run = lockstep("collective " + arguments);
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  return run.err;
}

TEST_CASE("what cannot be answered is refused with what to do") {
  CHECK(contains(refused("all_redce --ranks 8"), "did you mean all_reduce?"));
  CHECK(contains(refused("all_reduce --ranks 8 --algorithm rign"), "did you mean ring?"));
  const std::string six = refused("all_reduce --ranks 6 --algorithm recursive-doubling");
  CHECK(contains(six, "a group of 6"));
  CHECK(contains(six, "these do: ring, tree, one-shot"));
  CHECK(contains(refused("broadcast --ranks 6 --algorithm pairwise"), "does not serve broadcast"));
  CHECK(contains(refused("all_reduce --ranks 16 --algorithm ring --fidelity closed-form"),
                 "use --fidelity messages"));
  CHECK(contains(refused("all_reduce --ranks 100000 --nodes 1 --sizes 1M --algorithm ring"),
                 "19,999,800,000 messages"));
  CHECK(contains(refused("all_reduce --ranks 8 --sizes 12X"), "write whole numbers"));
  CHECK(contains(refused("all_reduce --ranks 9 --nodes 2"), "multiple of --nodes"));
  CHECK(contains(refused("all_reduce --ranks 0"), "1 to 1,000,000"));
  CHECK(contains(refused("all_reduce --ranks 8 --hardware hgx-h20"), "hgx-h200"));
  CHECK(contains(refused("all_reduce --ranks 8 --set node.link_GBsp=50"),
                 "did you mean 'link_GBps'?"));
  CHECK(contains(refused("all_reduce --ranks 8 --library ncll"), "did you mean nccl?"));
  CHECK(contains(refused("all_reduce --ranks 8 --dtype flaot"), "did you mean float?"));
  CHECK(contains(refused("all_gatherv --ranks 4 --parts 1M,2M"), "one for each rank"));
}

TEST_CASE("a library that has no such collective is refused with those that it has") {
  const std::string deepep = refused("all_reduce --ranks 8 --sizes 1M --library deepep");
  CHECK(contains(deepep, "deepep has no all_reduce for these 8 ranks"));
  CHECK(contains(deepep, "it has dispatch and combine; --library nccl has this one"));
  const std::string custom = refused("all_gather --ranks 8 --sizes 1M --library custom");
  CHECK(contains(custom, "all_reduce among 2 to 8 ranks of one node, up to 16 MiB among 8"));
  CHECK(contains(refused("all_reduce --ranks 16 --sizes 1M --library vllm"), "on several nodes"));
  CHECK(contains(refused("all_reduce --ranks 9 --nodes 1 --sizes 1M --library custom"),
                 "custom has no all_reduce for these 9 ranks"));
  CHECK(contains(refused("all_reduce --ranks 8 --sizes 1M --library custom --hardware loopback"),
                 "whose GPUs reach each other's memory, and these do not"));
  CHECK(contains(refused("broadcast --ranks 8 --sizes 1M --library symmetric"),
                 "all_reduce, all_gather and reduce_scatter"));
  CHECK(contains(refused("dispatch --ranks 8 --library custom"), "--library deepep has this one"));
  CHECK(contains(refused("all_reduce --ranks 8 --sizes 1M --library custom --algorithm ring"),
                 "no all_reduce by algorithm 'ring'"));
  CHECK(row("dispatch --ranks 8 --library trtllm")["library"] == "trtllm");
  CHECK(row("dispatch --ranks 8 --library deepep")["library"] == "deepep");
}

// limit_8_MiB of the H200 is 16: 16 MiB is custom's, 32 MiB is NCCL's.
TEST_CASE("above a library's limit the table says who falls back to NCCL, and where") {
  const std::string arguments = "collective all_reduce --ranks 8 --sizes 16M,32M --library custom";
  const Finished run = lockstep(arguments);
  CHECK(run.code == 0);
  CHECK(contains(run.out, "the choice of custom and nccl\n"));
  CHECK(contains(run.out,
                 "# from 33554432 bytes on nccl: above 16 MiB among 8 ranks SGLang falls back"));
  const Json json = Json::parse(lockstep(arguments + " --json -").out);
  CHECK(json["library"] == "custom+nccl");
  CHECK(contains(json["fallback"], "SGLang falls back to NCCL"));
  CHECK(json["rows"][0]["library"] == "custom");
  CHECK(json["rows"][1]["library"] == "nccl");
  CHECK(json["rows"][1]["time_us"] ==
        row("all_reduce --ranks 8 --sizes 32M --library nccl")["time_us"]);
}

TEST_CASE("a fidelity that no algorithm is there for is refused") {
  for (const std::string fidelity : {"messages", "closed-form"}) {
    CHECK(contains(refused("all_reduce --ranks 8 --fidelity " + fidelity), "add --algorithm NAME"));
  }
  CHECK(contains(refused("all_reduce --ranks 8 --sizes 1M --library custom --algorithm one-shot "
                         "--fidelity messages"),
                 "leave --library out, or --fidelity"));
  const Json held = Json::parse(
      lockstep("collective all_reduce --ranks 8 --sizes 1M --library custom --algorithm one-shot "
               "--json -")
          .out);
  CHECK(held["fidelity"].is_null());
}

TEST_CASE("a preset says that it is one, and how far off its collectives have been") {
  const std::string of = "collective all_reduce --ranks 8 --sizes 1M --hardware ";
  const std::string text = lockstep(of + "hgx-h200").out;
  CHECK(contains(text, "\n# preset hgx-h200: Median / 95th percentile of "));
  CHECK(contains(text, "Collectives: "));
  CHECK_FALSE(contains(text, "Kernels"));
  const std::string changed = "preset hgx-h200 with other constants: how far off is not known";
  CHECK(contains(lockstep(of + "hgx-h200 --set node.link_GBps=50").out, "# " + changed));
  const Json json = Json::parse(lockstep(of + "hgx-h200 --set node.link_GBps=50 --json -").out);
  CHECK(json["hardware"] == "hgx-h200");
  CHECK(json["hardware_accuracy"] == changed);
}

TEST_CASE("an option that the collective does not look at is refused with those that it does") {
  for (const std::string kind : {"dispatch", "combine"}) {
    for (const std::string option : {"--sizes 1M", "--begin 1K", "--end 1M", "--parts 1M"}) {
      const std::string told = refused(kind + " --ranks 8 " + option);
      CHECK(contains(told, kind + " takes no " + option.substr(0, option.find(' '))));
      CHECK(contains(told, "follow from --tokens, --hidden, --top-k, --experts"));
    }
  }
  CHECK(contains(refused("barrier --ranks 8 --sizes 1M"), "barrier takes no --sizes"));
  CHECK(contains(refused("barrier --ranks 8 --tokens 1"), "it moves no data"));
  CHECK(contains(refused("all_reduce --ranks 8 --top-k 2"), "all_reduce takes no --top-k"));
}

// 1T = 1024^4 bytes; 16T is the most.
// The factor of nccl-tests: 2 (n - 1) / n or (n - 1) / n, which is 0 of one rank; 1 of these three.
TEST_CASE("one rank has the bus rate that nccl-tests shows") {
  for (const std::string kind : {"broadcast", "reduce", "sendrecv"}) {
    const Json one = row(kind + " --ranks 1 --sizes 1M");
    CHECK(one["busbw_GBps"] == one["algbw_GBps"]);
  }
  CHECK(row("all_reduce --ranks 1 --sizes 1M")["busbw_GBps"] == 0);
  CHECK(row("all_gather --ranks 1 --sizes 1M")["busbw_GBps"] == 0);
}

TEST_CASE("sizes go up to the limit that the fault names, in short words") {
  CHECK(row("all_reduce --ranks 8 --sizes 1T")["bytes"] == std::int64_t{1} << 40);
  CHECK(row("all_reduce --ranks 8 --sizes 16TiB")["bytes"] == std::int64_t{1} << 44);
  CHECK(row("dispatch --ranks 8 --tokens 1K")["tokens"] == 1024);
  CHECK(contains(refused("all_reduce --ranks 8 --sizes 17T"),
                 "'17T' is no number of bytes from 0 to 16T"));
  CHECK(contains(refused("all_reduce --ranks 8 --sizes -1"), "'-1' is no number of bytes"));
  CHECK(contains(refused("dispatch --ranks 8 --tokens 1G"), "tokens of a rank from 0 to 16M"));
  CHECK(contains(refused("all_reduce --ranks 8 --nodes 0"),
                 "--nodes: expected a whole number from 1 to 1,000,000, not '0'"));
  CHECK(contains(refused("all_reduce --ranks 99999999999999999999"), "from 1 to 1,000,000"));
}

}  // namespace
}  // namespace lockstep::test
