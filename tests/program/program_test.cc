// Each kind of line, right and wrong.
#include <set>

#include "tests/program/programs.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string kTwo = "world: 2\ngroups: {tp: 0-1}\ntokens: 3\nprogram:\n";
// Two data-parallel shards of two tensor-parallel ranks, with 3 and 1 tokens.
const std::string kMesh = "mesh: {dp: 2, tp: 2}\ntokens: [3, 1]\nshards: dp\nprogram:\n";

}  // namespace

TEST_CASE("a column-parallel and a row-parallel product make a partial value") {
  const std::string layer = kTwo +
                            "  - {input: x}\n  - {linear: x, columns: tp, out: h}\n"
                            "  - {activation: h}\n  - {linear: h, out: y}\n";
  CHECK(verdict(layer + "  - {all_reduce: y, group: tp}\n  - {require: y}\n") == "holds");
  CHECK(verdict(layer + "  - {require: y}\n") == "missing-reduction x1/2");
  CHECK(verdict(layer + "  - {all_reduce: y, group: tp, reduction: average}\n  - {require: y}\n") ==
        "double-reduction x1/2");
}

TEST_CASE("a product of a partial value is partial, and sums to the product of the sum") {
  // sum_r W x_r = W sum_r x_r.
  const std::string product = kTwo + "  - {input: x, partial: tp}\n  - {linear: x, out: y}\n";
  CHECK(verdict(product + "  - {all_reduce: y, group: tp}\n  - {norm: y}\n") == "holds");
  CHECK(verdict(product + "  - {norm: y}\n") == "missing-reduction x1/2");
}

TEST_CASE("a bias on every rank inside a sum is there twice") {
  const std::string down = kTwo + "  - {input: h, columns: tp}\n  - {linear: h, bias: b, out: y";
  const std::string sum = "}\n  - {all_reduce: y, group: tp}\n  - {require: y}\n";
  CHECK(verdict(down + sum) == "duplicated-term x2");
  CHECK(verdict(down + ", bias_on: first" + sum) == "holds");
  CHECK(verdict(kTwo +
                "  - {input: h, columns: tp}\n  - {linear: h, out: y}\n"
                "  - {all_reduce: y, group: tp}\n  - {add_bias: y, bias: b}\n  - {require: y}\n") ==
        "holds");
}

TEST_CASE("what is left of a sum over two axes") {
  const std::string experts =
      "mesh: {ep: 2, etp: 2}\ntokens: 3\nprogram:\n  - {input: h}\n"
      "  - {experts: h, split: [ep, etp], shares: 4, out: y}\n  - {all_reduce: y, group: ep}\n";
  CHECK(verdict(experts + "  - {all_reduce: y, group: etp}\n  - {require: y}\n") == "holds");
  CHECK(verdict(experts + "  - {require: y}\n") == "wrong-group x1/2");
}

TEST_CASE("norms of slices need their statistics reduced") {
  const std::string slices = kTwo + "  - {input: h, columns: tp}\n  - {statistics: h, out: s}\n";
  const std::string norm = "  - {norm: [h, s], columns: tp}\n  - {require: h}\n";
  CHECK(verdict(slices + "  - {all_reduce: s, group: tp}\n" + norm) == "holds");
  CHECK(verdict(slices + norm) == "missing-reduction x1/2");
  CHECK(verdict(kTwo + "  - {input: h, columns: tp}\n  - {norm: h}\n") == "layout-mismatch");
  CHECK(verdict(kTwo +
                "  - {input: h, columns: tp}\n  - {all_gather: h, group: tp}\n  - {norm: h}\n") ==
        "holds");
  CHECK(verdict(kTwo + "  - {input: h}\n  - {slice_columns: h, group: tp}\n  - {activation: h}\n"
                       "  - {all_gather: h, group: tp}\n  - {softmax: h}\n") == "holds");
}

TEST_CASE("gathers and scatters with as many rows as each rank has") {
  const std::string gather = kMesh + "  - {input: x}\n  - {all_gatherv: x, group: dp, out: g}\n";
  CHECK(verdict(gather + "  - {require: g, rows: all}\n") == "holds");
  const std::string layer =
      gather +
      "  - {experts: g, split: [dp, tp], shares: 4, out: y}\n  - {all_reduce: y, group: tp}\n";
  CHECK(verdict(layer + "  - {reduce_scatterv: y, group: dp}\n  - {require: y, rows: own}\n") ==
        "holds");
  CHECK(verdict(
            layer +
            "  - {reduce_scatterv: y, group: dp, sizes: [1, 3]}\n  - {require: y, rows: own}\n") ==
        "layout-mismatch");
  CHECK(verdict(layer + "  - {reduce_scatterv: y, group: dp, sizes: [3]}\n") ==
        "collective-mismatch, collective-mismatch");
  CHECK(verdict(layer + "  - {copy: y, rows: own}\n  - {require: y}\n") == "wrong-group x1/2");
}

TEST_CASE("wrong offsets give wrong rows") {
  const std::string gather = kMesh + "  - {input: x}\n  - {all_gatherv: x, group: dp, out: g}\n";
  // Shards of 1 and 3: padded to three, the second would begin at row 3, not at row 1.
  const std::string uneven =
      "world: 2\ngroups: {dp: 0-1}\ntokens: [1, 3]\nprogram:\n"
      "  - {input: x}\n  - {all_gatherv: x, group: dp, out: g}\n"
      "  - {copy: g, rows: own, as_from: all_max}\n  - {require: g}\n";
  CHECK(verdict(uneven) == "wrong-rows, undefined-rows");
  CHECK(verdict(gather + "  - {copy: g, rows: own, moves: \"0-2>0\"}\n  - {require: g}\n") ==
        "wrong-rows");
  CHECK(verdict(gather + "  - {copy: g, rows: own}\n  - {require: g}\n") == "holds");
  CHECK(verdict(kMesh +
                "  - {input: x}\n  - {copy: x, rows: own_max}\n  - {all_gather: x, group: dp}\n"
                "  - {require: x, rows: all_max}\n") == "holds");
}

TEST_CASE("rows that are dealt out come back in the order in which they were dealt") {
  const std::string head =
      "world: 2\ngroups: {cp: 0-1}\ntokens: 5\n"
      "rows: {dealt: {split: own, over: cp, order: round_robin}}\nprogram:\n"
      "  - {input: x}\n  - {copy: x, rows: dealt}\n  - {all_gatherv: x, group: cp}\n";
  CHECK(verdict(head + "  - {require: x, rows: own}\n") == "wrong-rows");
  CHECK(verdict(head + "  - {copy: x, rows: own}\n  - {require: x}\n") == "holds");
}

TEST_CASE("rooted and exchanging collectives") {
  CHECK(verdict(kTwo + "  - {input: x, partial: tp}\n  - {reduce: x, group: tp, root: 1, out: y}\n"
                       "  - {broadcast: y, group: tp, root: 1}\n  - {require: y}\n") == "holds");
  CHECK(verdict(kTwo + "  - {input: x, partial: tp}\n  - {reduce: x, group: tp, root: 1, out: y}\n"
                       "  - {broadcast: y, group: tp}\n  - {require: y}\n") == "undefined-rows");
  CHECK(verdict(kTwo + "  - {input: x}\n  - {broadcast: x, group: tp, root: index(tp)}\n") ==
        "collective-mismatch");
  const std::string four =
      "world: 2\ngroups: {ep: 0-1}\ntokens: [4, 4]\nprogram:\n  - {input: x}\n"
      "  - {all_to_all: x, group: ep}\n";
  // Member 0 has rows 0-1 of itself and of member 1; back again everybody has their own.
  CHECK(verdict(four + "  - {all_to_all: x, group: ep}\n  - {require: x, rows: own}\n") == "holds");
  CHECK(verdict(four + "  - {require: x, rows: own}\n") == "wrong-rows");
  CHECK(verdict("world: 2\ngroups: {ep: 0-1}\ntokens: [3, 1]\nprogram:\n  - {input: x}\n"
                "  - {all_to_allv: x, group: ep, sizes: [1, 2, 0, 1]}\n  - {all_to_allv: x, group: "
                "ep, sizes: [1, 0, 2, 1]}\n"
                "  - {require: x, rows: own}\n") == "holds");
}

TEST_CASE("dispatch and combine") {
  const std::string there =
      "world: 2\ngroups: {ep: 0-1}\ntokens: [3, 1]\nprogram:\n  - {input: x}\n"
      "  - {dispatch: x, group: ep, out: g}\n  - {experts: g, split: ep, shares: 4, out: y}\n";
  CHECK(verdict(there + "  - {combine: y, group: ep}\n  - {require: y}\n") == "holds");
  CHECK(
      verdict(there +
              "  - {all_reduce: y, group: ep}\n  - {combine: y, group: ep}\n  - {require: y}\n") ==
      "double-reduction x2");
}

TEST_CASE("sends meet receives, and two that send first wait for ever") {
  const std::string head = kTwo + "  - {input: x}\n";
  CHECK(verdict(head + "  - {send: x, to: 1, group: tp, ranks: 0}\n"
                       "  - {recv: y, from: 0, group: tp, ranks: 1, as: x}\n"
                       "  - {require: y, ranks: 1}\n") == "holds");
  CHECK(verdict(head + "  - {send: x, to: 1 - index(tp), group: tp}\n"
                       "  - {recv: y, from: 1 - index(tp), group: tp, as: x}\n") == "deadlock");
  CHECK(verdict(head + "  - {send: x, to: 4, group: tp, ranks: 0}\n"
                       "  - {recv: y, from: 0, group: tp, ranks: 1, as: x}\n") ==
        "collective-mismatch");
  CHECK(verdict("world: 3\ngroups: {cp: 0-2}\ntokens: [1, 2, 1]\nprogram:\n  - {input: k}\n"
                "  - {shift: k, group: cp, out: next}\n"
                "  - {require: next, rows: [{ranks: 0, runs: \"3\"}, {ranks: 1, runs: \"0\"}, "
                "{ranks: 2, runs: \"1-2\"}]}\n") == "holds");
}

TEST_CASE("branches, repeats and steps") {
  CHECK(verdict(kTwo +
                "  - {input: x, partial: tp}\n  - {all_reduce: x, group: tp, when: rank == 0}\n") ==
        "deadlock");
  CHECK(verdict(kTwo + "  - {input: x}\n  - {when: rank == 0, do: [{norm: x, term: n}], else: "
                       "[{norm: x, term: n}]}\n"
                       "  - {require: x}\n") == "holds");
  const std::string layers = kTwo +
                             "  - {input: x}\n"
                             "  - repeat: 5\n    module: mlp\n    do:\n"
                             "      - {norm: x, out: h}\n      - {mlp: h, split: tp, out: y}\n"
                             "      - {all_reduce: y, group: tp}\n"
                             "      - {all_reduce: y, group: tp, when: layer == 3}\n"
                             "      - {add: [x, y]}\n      - {close: x}\n";
  const contract::CheckResult result = checked(layers);
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations[0].site.layer == 3);
  CHECK(result.violations[0].site.module == "mlp");
  CHECK(result.violations[0].operation.line == 12);
  CHECK(verdict("world: 2\ngroups: {tp: 0-1}\nsteps: [{tokens: 3}, {tokens: 1}]\nprogram:\n"
                "  - {input: x, partial: tp}\n  - {all_reduce: x, group: tp, when: step == 0 or "
                "rank == 0}\n") == "deadlock");
}

TEST_CASE("a graph that is replayed keeps what was captured, and stale rows in its buffers") {
  const std::string head =
      "world: 2\ngroups: {tp: 0-1}\nsteps: [{tokens: 4, graph: 4}, {tokens: 2, graph: "
      "4}]\nprogram:\n"
      "  - {input: x, rows: own}\n  - {copy: x, out: buf, fill: keep";
  CHECK(verdict(head + "}\n  - {topk: buf, padding: zero, out: t}\n") == "undefined-rows");
  CHECK(
      verdict(
          head +
          "}\n  - {copy: buf, rows: own, fill: zero}\n  - {topk: buf, padding: zero, out: t}\n") ==
      "holds");
}

TEST_CASE("uninitialised memory, zeros, copies and views") {
  const std::string head = kTwo + "  - {input: x}\n";
  CHECK(verdict(head + "  - {empty: r}\n  - {add: [x, r]}\n  - {norm: x}\n") == "undefined-rows");
  CHECK(verdict(head + "  - {zeros: r}\n  - {add: [x, r]}\n  - {norm: x}\n") == "holds");
  CHECK(verdict(head + "  - {view: v, of: x}\n  - {scale: v, by: 2}\n  - {require: x}\n") ==
        "double-reduction x2");
  CHECK(verdict(head + "  - {clone: x, out: v}\n  - {scale: v, by: 2}\n  - {require: x}\n") ==
        "holds");
  CHECK(
      verdict(head + "  - {scale: x, by: 2}\n  - {scale: x, by: 1/size(tp)}\n  - {require: x}\n") ==
      "holds");
}

TEST_CASE("reductions must be those by which shares make the whole") {
  const std::string maximum =
      kTwo + "  - {input: x}\n  - {topk: x, split: tp, combine: max, out: m}\n";
  CHECK(verdict(maximum + "  - {all_reduce: m, group: tp, reduction: max}\n  - {require: m}\n") ==
        "holds");
  CHECK(verdict(maximum + "  - {all_reduce: m, group: tp}\n  - {require: m}\n").find("holds") ==
        std::string::npos);
  const std::string lse =
      kTwo +
      "  - {input: q}\n  - {attention: q, split: tp, combine: logsumexp, unit: 2, out: lse}\n"
      "  - {all_reduce: lse, group: tp, reduction: logsumexp}\n";
  CHECK(verdict(lse + "  - {compute: lse, unit: 2, out: w}\n") == "holds");
  CHECK(verdict(lse + "  - {compute: lse, unit: e, out: w}\n") == "layout-mismatch");
  CHECK(verdict(lse +
                "  - {compute: lse, unit: 2, to_unit: e}\n  - {compute: lse, unit: e, out: w}\n") ==
        "holds");
}

TEST_CASE("expert maps say what is computed") {
  const std::string head = kTwo + "  - {input: h}\n  - {experts: h, split: tp, shares: 4, out: y";
  const std::string sum = "}\n  - {all_reduce: y, group: tp}\n  - {require: y}\n";
  CHECK(verdict(head + sum) == "holds");
  CHECK(verdict(head + ", map: {0: \"0,3\", 1: \"1-2\"}" + sum) == "holds");
  CHECK(verdict(head + ", map: {0: \"0-2\", 1: \"2\"}" + sum).find("expert-map") == 0);
}

TEST_CASE("a map of any function is an expert map") {
  const std::string shared = "  - {all_reduce: o, group: tp}\n  - {require: o}\n";
  const std::string attention = kTwo + "  - {input: q}\n  - {attention: q, split: tp, shares: 4, ";
  CHECK(verdict(attention + "map: {0: \"0,2\", 1: \"1,3\"}, out: o}\n" + shared) == "holds");
  CHECK(verdict(attention + "map: {0-1: 0-3}, out: o}\n" + shared) == "expert-map x2");
}

TEST_CASE("how far rows are padded is an expression of the rank") {
  // 3 rows and 1: padded to 3 and 1, to 4 and 4, to a multiple of two, 4 and 2.
  const std::string padded =
      "world: 2\ngroups: {dp: 0-1}\ntokens: [3, 1]\nlet: {k: 2}\nprogram:\n"
      "  - {input: x}\n  - {copy: x, rows: {pad: own, ";
  const std::string gather = "}}\n  - {all_gather: x, group: dp}\n  - {require: x}\n";
  CHECK(verdict(padded + "to: tokens" + gather) == "collective-mismatch");
  CHECK(verdict(padded + "to: 2 * k" + gather) == "holds");
  CHECK(verdict(padded + "multiple: k" + gather) == "collective-mismatch");
  CHECK(verdict(padded + "multiple: size(dp) + 1" + gather) == "holds");
}

TEST_CASE("events order streams") {
  const std::string head = kTwo + "  - {input: x, records: ready}\n";
  CHECK(verdict(head + "  - {scale: x, by: 1, out: y, stream: 1, after: ready, records: done}\n"
                       "  - {norm: y, after: done}\n") == "holds");
  CHECK(verdict(head + "  - {scale: x, by: 1, out: y, stream: 1, records: done}\n"
                       "  - {norm: y, after: done}\n") == "stream-race");
}

TEST_CASE("what must hold can be said otherwise than the lines mean it") {
  const std::string head = kTwo + "  - {input: x}\n  - {input: y}\n";
  CHECK(verdict(head + "  - {add: [x, y], out: z}\n  - {require: z, terms: [x, y]}\n") == "holds");
  CHECK(verdict(head + "  - {require: x, terms: [x, y]}\n") == "missing-reduction x0");
  CHECK(verdict(kTwo + "  - {input: x, partial: tp}\n  - {require: x, partial: tp}\n") == "holds");
  CHECK(verdict(kTwo + "  - {input: x, partial: tp}\n  - {require: x}\n") ==
        "missing-reduction x1/2");
}

TEST_CASE("the same program is the same plan, and its text reads back") {
  const std::string text =
      kMesh + "  - {input: x}\n  - {all_gatherv: x, group: dp}\n  - {norm: x}\n";
  const Plan plan = plan_of(text);
  CHECK(plan == plan_of(text));
  CHECK(hash(plan) == hash(plan_of(text)));
}
