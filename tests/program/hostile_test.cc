// Whatever a file says, it is read or refused quickly, with its place.
#include "sim/base/random.h"
#include "tests/program/programs.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string kHead = "world: 2\ngroups: {tp: 0-1}\ntokens: 3\nprogram:\n";

std::string nested(int depth) {
  std::string text = "{input: x}";
  for (int i = 0; i < depth; ++i) text = "{repeat: 1000, do: [" + text + "]}";
  return kHead + "  - " + text + "\n";
}

}  // namespace

TEST_CASE("programs that would be endless are refused") {
  CHECK(faults(nested(3)).find("more than 1000 layers") != std::string::npos);
  CHECK(faults(nested(20)).find("deeper than 16") != std::string::npos);
  CHECK(faults("world: 70000\ntokens: 1\nprogram: []\n").find("error") != std::string::npos);
  CHECK(faults("world: 2\ntokens: 99999999999\nprogram: []\n").find("error") != std::string::npos);
  CHECK(faults("world: 2\ntokens: 1\nrows: {a: {pad: b, to: 2}, b: {pad: a, to: 2}}\nprogram: []\n")
            .find("16 deep") != std::string::npos);
  // 1,024 ranks with 100,000 runs each.
  CHECK(
      faults(
          "world: 1024\ntokens: 100000\nrows: {r: {split: all, over: world, order: round_robin}}\n"
          "groups: {g: {size: 2}}\nprogram:\n  - {input: x, rows: {gather: r, over: world}}\n"
          "  - {input: y, rows: {split: all, over: g, order: round_robin}}\n")
          .find("not written out") != std::string::npos);
}

TEST_CASE("lines that say nothing known are told with the nearest word") {
  CHECK(faults(kHead + "  - {al_reduce: x, group: tp}\n").find("did you mean all_reduce?") !=
        std::string::npos);
  CHECK(faults(kHead + "  - {input: x}\n  - {all_reduce: y, group: tp}\n")
            .find("unknown tensor 'y'") != std::string::npos);
  CHECK(faults(kHead + "  - {input: x}\n  - {all_reduce: x, group: pt}\n")
            .find("unknown group 'pt'") != std::string::npos);
  CHECK(faults(kHead + "  - {input: x}\n  - {all_reduce: x, group: tp, rot: 1}\n").find("rot") !=
        std::string::npos);
  CHECK(faults(kHead + "  - {input: x, when: rnak == 0}\n").find("there is no 'rnak'") !=
        std::string::npos);
  CHECK(faults(kHead + "  - x\n").find("expected a line") != std::string::npos);
  CHECK(faults(kHead + "  - {}\n").find("unknown operation") != std::string::npos);
}

TEST_CASE("what a line would have to leave out is refused") {
  const std::string mesh = "mesh: {dp: 2, tp: 2}\ntokens: 3\nprogram:\n";
  CHECK(faults(mesh + "  - {input: x, partial: dp}\n  - {linear: x, split: tp, out: y}\n")
            .find("no split") != std::string::npos);
  CHECK(faults(mesh + "  - {input: x, columns: tp}\n  - {linear: x, split: dp, out: y}\n")
            .find("no split") != std::string::npos);
  CHECK(faults(mesh + "  - {input: x, columns: tp}\n  - {attention: x, split: dp, out: y}\n")
            .find("not both") != std::string::npos);
  CHECK(faults(mesh + "  - {input: x, columns: tp}\n  - {slice_columns: x, group: dp}\n")
            .find("already") != std::string::npos);
}

TEST_CASE("no cut or mangled program crashes") {
  const std::string whole =
      kHead +
      "  - {input: x, partial: tp, rows: own}\n"
      "  - {repeat: 2, do: [{all_reduce: x, group: tp}, {norm: x, out: h, columns: none}]}\n"
      "  - {copy: h, rows: {split: all, over: tp, order: zigzag}, fill: keep}\n"
      "  - {all_gatherv: h, group: tp, sizes: [2, 1]}\n"
      "  - {send_recv: h, to: [1, 0], from: [1, 0], group: tp}\n"
      "  - {scale: h, by: 1/size(tp), when: rank < 1}\n"
      "  - {experts: h, split: tp, shares: 4, map: {0: \"0-2\", 1: \"3\"}, bias: b, out: y}\n"
      "  - {require: [x, y], padding: zero}\n";
  Random random(3);
  int read_whole = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (std::uint64_t edit = random.below(4); edit > 0; --edit) {
      const auto at = static_cast<std::size_t>(random.below(text.size()));
      const auto length = static_cast<std::size_t>(random.below(6));
      const std::string word =
          whole.substr(static_cast<std::size_t>(random.below(whole.size())), length);
      text.replace(at, static_cast<std::size_t>(random.below(6)), word);
    }
    Result<Document> document = parse_yaml(text, "p.yaml");
    if (!document || document->root.find("program") == nullptr) continue;
    const Result<Plan> plan = read_program(*document, "p", 1);
    if (!plan) continue;
    ++read_whole;
    CAPTURE(text);
    CHECK(validate(*plan).empty());
    const contract::CheckResult result = contract::check(*plan);
    CHECK(result.verdict != contract::Verdict::unknown);
  }
  CHECK(read_whole > 500);
}
