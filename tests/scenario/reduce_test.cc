// What a replay runs of a scenario: fewer tokens, the same requests.
#include "sim/scenario/reduce.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace lockstep::test {
namespace {

// One shard that prefills `prompt` tokens, and decodes `decodes` times.
LoweringInput one_request(int prompt, int decodes) {
  LoweringInput input;
  BatchSpec prefill;
  prefill.shards = {{ForwardMode::extend, {{prompt, 0}}}};
  input.steps = {prefill};
  for (int i = 0; i < decodes; ++i) {
    BatchSpec decode;
    decode.shards = {{ForwardMode::decode, {{1, prompt + i}}}};
    input.steps.push_back(decode);
  }
  return input;
}

LoweringInput reduced(const LoweringInput& input) {
  Plan full;
  full.steps.resize(input.steps.size());
  return at_reduced_tokens(input, full);
}

RequestSpec request(const LoweringInput& input, std::size_t step) {
  return input.steps[step].shards.front().requests.front();
}

TEST_CASE("a decode reads all that the reduced prefill and the decodes before it computed") {
  for (const int prompt : {5, 12, 1024}) {
    CAPTURE(prompt);
    const LoweringInput few = reduced(one_request(prompt, 3));
    const int kept = request(few, 0).tokens;
    CHECK(kept == std::min(prompt, 12));
    for (int i = 0; i < 3; ++i) {
      CHECK(request(few, static_cast<std::size_t>(i) + 1) == RequestSpec{1, kept + i});
    }
  }
}

TEST_CASE("a cached prefix that no step computed is short, and none that a step computed") {
  LoweringInput input = one_request(8, 1);
  input.steps[1].shards.front().requests.front().prefix = 500;  // not what the prefill left
  const LoweringInput few = reduced(input);
  CHECK(request(few, 0) == RequestSpec{8, 0});
  CHECK(request(few, 1) == RequestSpec{1, 7});  // 8 would continue the prefill
  input.steps.erase(input.steps.begin());
  CHECK(request(reduced(input), 0) == RequestSpec{1, 8});
}

TEST_CASE("a request that rests in one step continues in the next") {
  LoweringInput input = one_request(20, 2);
  input.steps[2].shards.front().requests.front().prefix = 20;  // the step between did not run it
  input.steps[1].shards.front() = {};
  const LoweringInput few = reduced(input);
  CHECK(request(few, 2) == RequestSpec{1, 12});
}

}  // namespace
}  // namespace lockstep::test
