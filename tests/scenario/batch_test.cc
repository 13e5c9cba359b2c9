#include <doctest/doctest.h>

#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// Two attention-DP shards; the batch is on line 4.
std::string two_shards(const std::string& batch) {
  return with_model("parallel: {tp_size: 2, dp_size: 2, enable_dp_attention: true}\n" + batch);
}

BatchSpec batch_of(const std::string& text) { return parsed(text).input.steps.at(0); }

}  // namespace

TEST_CASE("extend by tokens is one request of that length on each shard") {
  const BatchSpec batch = batch_of(two_shards("batch: {tokens: [5, 3]}\n"));
  REQUIRE(batch.shards.size() == 2);
  CHECK(batch.shards[0] == ShardBatch{ForwardMode::extend, {{5, 0}}});
  CHECK(batch.shards[1] == ShardBatch{ForwardMode::extend, {{3, 0}}});
}

TEST_CASE("decode by tokens is that many requests of one token, after kv_len - 1 cached ones") {
  const BatchSpec batch =
      batch_of(two_shards("batch: {forward_mode: decode, tokens: [2, 1], kv_len: 10}\n"));
  CHECK(batch.shards[0] == ShardBatch{ForwardMode::decode, {{1, 9}, {1, 9}}});
  CHECK(batch.shards[1] == ShardBatch{ForwardMode::decode, {{1, 9}}});
  const BatchSpec standard = batch_of(two_shards("batch: {forward_mode: decode, tokens: 1}\n"));
  CHECK(standard.shards[0].requests[0].prefix == 1023);
}

TEST_CASE("one number counts for every shard, and no tokens are an idle shard") {
  const BatchSpec same = batch_of(two_shards("batch: {tokens: 4}\n"));
  CHECK(same.shards[0] == same.shards[1]);
  const BatchSpec idle = batch_of(two_shards("batch: {tokens: [4, 0]}\n"));
  CHECK(idle.shards[1] == ShardBatch{});
  const BatchSpec all_idle = batch_of(two_shards("batch: {forward_mode: idle}\n"));
  CHECK(all_idle.shards == std::vector<ShardBatch>(2));
}

TEST_CASE("shards may run in different modes") {
  const BatchSpec batch =
      batch_of(two_shards("batch: {forward_mode: [extend, decode], tokens: [7, 2]}\n"));
  CHECK(batch.shards[0].mode == ForwardMode::extend);
  CHECK(batch.shards[1].mode == ForwardMode::decode);
  CHECK(batch.shards[1].tokens() == 2);
}

TEST_CASE("without DP attention there is one shard") {
  CHECK(batch_of(with_model("parallel: {tp_size: 8}\nbatch: {tokens: 4}\n")).shards.size() == 1);
  CHECK(batch_of(with_model("parallel: {enable_dp_attention: true}\nbatch: {tokens: 4}\n"))
            .shards.size() == 1);
}

TEST_CASE("requests spell out lengths and cached prefixes") {
  const BatchSpec batch = batch_of(two_shards(
      "batch: {requests: [[{extend: 512}, {extend: 5, prefix: 300}], [{decode: 1, kv: 4096}]]}\n"));
  CHECK(batch.shards[0] == ShardBatch{ForwardMode::extend, {{512, 0}, {5, 300}}});
  CHECK(batch.shards[1] == ShardBatch{ForwardMode::decode, {{1, 4095}}});
}

// SGLang's mixed chunk: a decode becomes an extend by one token behind kv - 1 cached ones.
TEST_CASE("a shard with extend and decode requests is an extend shard, in any order") {
  const std::string extends = two_shards(
      "batch: {requests: [[{extend: 512, prefix: 0}, {extend: 1, prefix: 4095}], []]}\n");
  const std::string mixed =
      two_shards("batch: {requests: [[{extend: 512, prefix: 0}, {decode: 1, kv: 4096}], []]}\n");
  CHECK(batch_of(mixed).shards[0] == ShardBatch{ForwardMode::extend, {{512, 0}, {1, 4095}}});
  CHECK(hash(*lower(parsed(mixed))) == hash(*lower(parsed(extends))));
  const BatchSpec other = batch_of(two_shards(
      "batch: {forward_mode: [extend, decode], requests: "
      "[[{decode: 1, kv: 9}, {extend: 4}, {decode: 1, kv: 7}], [{decode: 1, kv: 5}]]}\n"));
  CHECK(other.shards[0] == ShardBatch{ForwardMode::extend, {{1, 8}, {4, 0}, {1, 6}}});
  CHECK(other.shards[1].mode == ForwardMode::decode);
}

TEST_CASE("a mixed batch without DP attention has the plan of its extend form") {
  const auto plan_of = [](const std::string& decode) {
    const std::string batch = "batch: {requests: [[{extend: 512, prefix: 0}, " + decode + "]]}\n";
    return *lower(parsed(with_model("parallel: {tp_size: 2}\n" + batch)));
  };
  CHECK(hash(plan_of("{decode: 1, kv: 4096}")) == hash(plan_of("{extend: 1, prefix: 4095}")));
  CHECK(hash(plan_of("{decode: 1, kv: 4096}")) != hash(plan_of("{extend: 1, prefix: 4096}")));
}

TEST_CASE("several steps are several batches") {
  const Scenario s = parsed(two_shards(
      "steps:\n  - {tokens: [4, 2]}\n  - {forward_mode: decode, tokens: 1, cuda_graph: true}\n"));
  REQUIRE(s.input.steps.size() == 2);
  CHECK(s.input.steps[0].shards[0].tokens() == 4);
  CHECK(s.input.steps[1].cuda_graph == true);
}

TEST_CASE("a list of the wrong length says how many shards there are") {
  CHECK(faults_of(two_shards("batch: {tokens: [1, 2, 3]}\n")) ==
        "s.yaml:4:17: error: 'tokens' has 3 entries, but there are 2 attention-DP shards\n"
        "  batch: {tokens: [1, 2, 3]}\n"
        "                  ^\n"
        "  hint: there are dp_size shards with enable_dp_attention, else 1\n");
  CHECK(faults_of(with_model("parallel: {tp_size: 8, dp_size: 8}\nbatch: {tokens: [1, 2]}\n"))
            .find("'tokens' has 2 entries, but there is 1 attention-DP shard\n") !=
        std::string::npos);
  for (const char* batch : {"{forward_mode: [extend], tokens: 1}", "{requests: [[]]}"}) {
    CAPTURE(batch);
    CHECK(faults_of(two_shards(std::string("batch: ") + batch + "\n"))
              .find("there are 2 attention-DP shards") != std::string::npos);
  }
}

TEST_CASE("keys that contradict each other are refused") {
  CHECK(faults_of(two_shards("batch: {tokens: 1, requests: [[], []]}\n")) ==
        "s.yaml:4:30: error: 'tokens' and 'requests' exclude each other\n"
        "  batch: {tokens: 1, requests: [[], []]}\n"
        "                               ^\n"
        "  hint: 'tokens' is the short form of 'requests'\n");
  CHECK(faults_of(two_shards("batch: {tokens: 1}\nsteps: [{tokens: 1}]\n")) ==
        "s.yaml:5:8: error: 'batch' and 'steps' exclude each other\n"
        "  steps: [{tokens: 1}]\n"
        "         ^\n"
        "  hint: 'batch' is the short form of 'steps' with one entry\n");
  CHECK(faults_of(two_shards("batch: {forward_mode: idle, tokens: [0, 4]}\n")) ==
        "s.yaml:4:41: error: an idle shard has no tokens, not 4\n"
        "  batch: {forward_mode: idle, tokens: [0, 4]}\n"
        "                                          ^\n");
  CHECK(faults_of(two_shards("batch: {forward_mode: decode, requests: [[{extend: 4}], []]}\n")) ==
        "s.yaml:4:42: error: forward_mode says decode, but these requests are extend\n"
        "  batch: {forward_mode: decode, requests: [[{extend: 4}], []]}\n"
        "                                           ^\n");
}

TEST_CASE("a batch without tokens is incomplete") {
  CHECK(faults_of(two_shards("batch: {padding: max_len}\n")) ==
        "s.yaml:4:8: error: a batch needs 'tokens' or 'requests'\n"
        "  batch: {padding: max_len}\n"
        "         ^\n"
        "  hint: for example 'tokens: 512': one request of that length on each shard\n");
  CHECK(faults_of(two_shards("steps: []\n")) ==
        "s.yaml:4:8: error: 'steps' must be a list of batches, not a list\n"
        "  steps: []\n"
        "         ^\n");
}

TEST_CASE("a request is one of two forms") {
  for (const char* request : {"{}", "{prefix: 3}", "{extend: 1, decode: 1}", "{extend: 1, kv: 3}",
                              "{decode: 1, prefix: 3}"}) {
    CAPTURE(request);
    CHECK(faults_of(two_shards(std::string("batch: {requests: [[") + request + "], []]}\n"))
              .find("error: a request is either {extend, prefix} or {decode, kv}\n") !=
          std::string::npos);
  }
  CHECK(faults_of(two_shards("batch: {requests: [[{decode: 2}], []]}\n"))
            .find("'decode' must be 1, not '2'") != std::string::npos);
  CHECK(faults_of(two_shards("batch: {requests: [{extend: 2}, []]}\n")) ==
        "s.yaml:4:20: error: a shard's requests must be a list, not a map\n"
        "  batch: {requests: [{extend: 2}, []]}\n"
        "                     ^\n"
        "  hint: one list per attention-DP shard: [[{extend: 512}], []]\n");
  CHECK(faults_of(two_shards("batch: {requests: [[5], []]}\n"))
            .find("a request must be a map, not '5'") != std::string::npos);
}

TEST_CASE("what is not modelled is refused by name") {
  CHECK(faults_of(two_shards("batch: {tokens: 1, prefill_graph: {backend: ful}}\n"))
            .find("did you mean 'full'?") != std::string::npos);
}

TEST_CASE("captured sizes ascend") {
  CHECK(faults_of(two_shards("batch: {tokens: 1, cuda_graph_bs: [1, 4, 4]}\n")) ==
        "s.yaml:4:42: error: 'cuda_graph_bs' must ascend: 4 after 4\n"
        "  batch: {tokens: 1, cuda_graph_bs: [1, 4, 4]}\n"
        "                                           ^\n");
  CHECK(faults_of(two_shards("batch: {tokens: 1, cuda_graph_bs: []}\n"))
            .find("'cuda_graph_bs' must be a list of integers from 1 to 65536") !=
        std::string::npos);
  CHECK(faults_of(two_shards("batch: {tokens: 1, cuda_graph: maybe}\n"))
            .find("'cuda_graph' must be one of auto, true, false, not 'maybe'") !=
        std::string::npos);
}

TEST_CASE("more tokens than are simulated are refused before they are stored") {
  CHECK(
      faults_of(with_model("parallel: {tp_size: 65536, dp_size: 65536, enable_dp_attention: true}\n"
                           "batch: {forward_mode: decode, tokens: 1000000}\n")) ==
      "s.yaml:4:39: error: more than 16777216 requests in all\n"
      "  batch: {forward_mode: decode, tokens: 1000000}\n"
      "                                        ^\n");
  CHECK(faults_of(two_shards("batch: {tokens: 1000001}\n")).find("an integer from 0 to 1000000") !=
        std::string::npos);
  std::string steps = "steps:\n";
  for (int i = 0; i < 65; ++i) steps += "  - {tokens: 1}\n";
  CHECK(faults_of(two_shards(steps)).find("at most 64 steps, not 65") != std::string::npos);
  CHECK(faults_of(two_shards("batch: {requests: [[{extend: 600000}, {extend: 600000}], []]}\n"))
            .find("a shard may have at most 1000000 tokens, not 1200000") != std::string::npos);
}
