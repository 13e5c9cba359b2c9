// What a plan says that its ranks call of NCCL, against what a replay with real tensors needs.
#include "backend/nccl/launch/call_list.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <optional>

#include "backend/numeric/interpreter.h"
#include "backend/numeric/local_ranks.h"
#include "sim/plan/text.h"
#include "tests/brute_force/random_program.h"
#include "tests/differential/scenario_plans.h"

namespace lockstep::test {
namespace {

using nccl::CallList;
using nccl::NcclCall;
using nccl::NcclKind;
using numeric::Held;

// Ranks that note which calls to NCCL their tensors would need.
class RecordingRanks : public numeric::LocalRanks {
 public:
  RecordingRanks(const Plan& plan, const numeric::ReplayOptions& options, numeric::Weights& weights,
                 numeric::PlanReference& reference)
      : LocalRanks(plan, options, weights, reference,
                   [&reference](const numeric::RouterChoice& choice) {
                     reference.reference().record_choice(choice);
                   }),
        plan_(plan),
        options_(options),
        calls_(static_cast<std::size_t>(plan.world)) {}

  void go_on(int operation, int rank, bool) override {
    const Operation& op = operation_of(operation);
    if (!is_point_to_point(op.kind) || op.in.empty()) return;
    add_message(operation, rank, numeric::peers_of_call(plan_, op, rank).to,
                held(op.in.front().tensor, rank), true);
  }

  void receive(int operation, int rank, Held sent) override {
    const Operation& op = operation_of(operation);
    add_message(operation, rank, numeric::peers_of_call(plan_, op, rank).from, sent, false);
    LocalRanks::receive(operation, rank, std::move(sent));
  }

  void exchange(const std::vector<numeric::Call>& calls) override {
    const Operation& first = operation_of(calls.front().operation);
    for (std::size_t output = 0; output < std::max<std::size_t>(first.out.size(), 1); ++output) {
      std::vector<numeric::Shape> shapes;
      for (const numeric::Call& call : calls) {
        const Operation& op = operation_of(call.operation);
        if (op.out.empty()) continue;
        shapes.push_back(numeric::shape_of(held(op.in[output].tensor, call.rank)));
      }
      const numeric::Exchange exchange(plan_, calls, output, shapes,
                                       numeric::home_rows(plan_, calls, output), options_.storage);
      for (std::size_t m = 0; m < calls.size(); ++m) {
        add(calls[m].operation, calls[m].rank, nccl::nccl_calls(exchange, static_cast<int>(m)));
      }
    }
    LocalRanks::exchange(calls);
  }

  CallList calls(int rank) const {
    CallList list;
    for (const auto& [operation, calls] : calls_[static_cast<std::size_t>(rank)]) {
      if (!calls.empty()) list.push_back({operation, calls});
    }
    return list;
  }

 private:
  const Operation& operation_of(int index) const {
    return plan_.operations[static_cast<std::size_t>(index)];
  }
  void add(int operation, int rank, const std::vector<NcclCall>& calls) {
    std::vector<NcclCall>& all = calls_[static_cast<std::size_t>(rank)][operation];
    all.insert(all.end(), calls.begin(), calls.end());
  }
  void add_message(int operation, int rank, std::optional<int> peer, const Held& message,
                   bool sends) {
    if (!peer || *peer == rank || !message) return;
    const Membership m = membership(plan_, operation_of(operation).group, rank);
    const auto member = std::ranges::find(*m.members, *peer) - m.members->begin();
    const nccl::NcclMessage one{static_cast<int>(member),
                                message->values.rows() * message->values.columns()};
    std::vector<NcclCall> calls =
        sends ? nccl::nccl_calls(one, std::nullopt) : nccl::nccl_calls(std::nullopt, one);
    const std::vector<NcclCall>& before = calls_[static_cast<std::size_t>(rank)][operation];
    if (!sends && !before.empty() && !calls.empty()) {
      calls[0].in = calls[0].out = before.front().count;
    }
    add(operation, rank, calls);
  }

  const Plan& plan_;
  const numeric::ReplayOptions& options_;
  std::vector<std::map<int, std::vector<NcclCall>>> calls_;  // by rank and operation
};

// The first difference between what the plan says and what its replay needs; empty if there is
// none, nothing if the plan does not come to its end.
std::optional<std::string> difference_of(const Plan& plan, bool propagate) {
  numeric::ReplayOptions options;
  options.propagate = propagate;
  numeric::Weights weights(plan.model, options.seed);
  numeric::PlanReference reference(plan, weights, options.storage);
  RecordingRanks ranks(plan, options, weights, reference);
  numeric::Judge judge(plan, options, reference, ranks);
  const numeric::ReplayResult result = numeric::Interpreter(plan, options, ranks, judge).run();
  if (result.stopped_at >= 0) return std::nullopt;
  const std::vector<CallList> expected = nccl::expected_calls(plan, !propagate);
  for (int rank = 0; rank < plan.world; ++rank) {
    const std::string why =
        nccl::difference(plan, rank, expected[static_cast<std::size_t>(rank)], ranks.calls(rank));
    if (!why.empty()) return why;
  }
  return std::string();
}

TEST_CASE("the plan of every scenario file says what its replay calls, repaired or not") {
  int compared = 0;
  for_each_scenario_plan(64, [&](const std::string& name, const Plan& plan) {
    CAPTURE(name);
    for (const bool propagate : {false, true}) {
      const std::optional<std::string> why = difference_of(plan, propagate);
      if (!why) continue;
      ++compared;
      CHECK(*why == "");
    }
  });
  CHECK(compared >= 200);
}

TEST_CASE("random programs, right and wrong, say what their replay calls") {
  int compared = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const RandomProgram program = random_program(seed);
    CAPTURE(seed);
    const std::optional<std::string> why = difference_of(program.plan, seed % 2 == 0);
    if (!why) continue;
    ++compared;
    CHECK(*why == "");
  }
  CHECK(compared >= 100);
}

// Two ranks that sum six columns of three rows, or scatter them.
Plan plan_of(OpKind kind) {
  Plan plan;
  plan.world = 2;
  Group group;
  group.role = "moe_tp";
  group.parts = {{0, 1}};
  plan.groups.push_back(group);
  Operation op;
  op.kind = kind;
  op.group = GroupId{0};
  plan.operations.push_back(op);
  return plan;
}

NcclCall reduce_of(std::int64_t count, int root) {
  NcclCall call;
  call.kind = NcclKind::reduce;
  call.count = count;
  call.member = root;
  return call;
}

TEST_CASE("a call is told with its group and how many are in it") {
  CHECK(nccl::text_of(plan_of(OpKind::reduce), 0, 0, reduce_of(4096, 1)) ==
        "reduce sum count=4096 root=1 over moe_tp, 2 ranks");
}

TEST_CASE("a difference names rank, operation, what the plan says and what was called") {
  const Plan plan = plan_of(OpKind::reduce_scatterv);
  const CallList expected{{0, {reduce_of(8, 0), reduce_of(20, 1)}}};
  CHECK(nccl::difference(plan, 1, expected, expected) == "");
  CHECK(nccl::difference(plan, 1, expected, {{0, {reduce_of(8, 0)}}}) ==
        "rank 1, operation 0 (reduce_scatterv over moe_tp): the plan says reduce sum count=8 "
        "root=0; reduce sum count=20 root=1 over moe_tp, 2 ranks; the rank called reduce sum "
        "count=8 root=0 over moe_tp, 2 ranks");
  CHECK(nccl::difference(plan, 0, expected, {}) ==
        "rank 0, operation 0 (reduce_scatterv over moe_tp): the plan says reduce sum count=8 "
        "root=0; reduce sum count=20 root=1 over moe_tp, 2 ranks; the rank called nothing");
  CHECK(nccl::difference(plan, 0, {}, {{0, {reduce_of(8, 0)}}}) ==
        "rank 0, operation 0 (reduce_scatterv over moe_tp): the plan says nothing; the rank called "
        "reduce sum count=8 root=0 over moe_tp, 2 ranks");
}

TEST_CASE(
    "as JSON, ranks have their calls with arguments and group, and it is said if one differs") {
  const Plan plan = plan_of(OpKind::reduce_scatterv);
  const CallList list{{0, {reduce_of(8, 1)}}};
  const std::string call = R"({"operation":0,"call":"reduce","reduction":"sum","count":8,"root":1,)"
                           R"("group":"moe_tp","members":2})";
  const std::vector<CallList> planned{list, list};
  const std::string none = nccl::difference(plan, planned, planned);
  CHECK(nccl::nccl_calls_json(plan, planned, none).dump() ==
        R"({"as_planned":true,"ranks":[{"rank":0,"calls":[)" + call + R"(]},{"rank":1,"calls":[)" +
            call + "]}]}");
  const std::vector<CallList> called{list, {}};
  const nlohmann::ordered_json differs =
      nccl::nccl_calls_json(plan, called, nccl::difference(plan, planned, called));
  CHECK(differs["as_planned"] == false);
  CHECK(differs["difference"] == nccl::difference(plan, 1, list, {}));
}

TEST_CASE("what a rank called comes to the coordinator as it was; what is cut is an error") {
  NcclCall message;
  message.kind = NcclKind::recv;
  message.in = message.out = 7;
  message.count = 3;
  message.member = 1;
  NcclCall maximum;
  maximum.reduction = Reduction::max;
  maximum.buffer = nccl::NcclBuffer::scratch;
  CallList list;
  nccl::add(list, 3, std::vector<NcclCall>{maximum});
  nccl::add(list, 3, std::vector<NcclCall>{reduce_of(8, 1)});
  nccl::add(list, 4, {});
  nccl::add(list, 5, std::vector<NcclCall>{message});
  CHECK(list == CallList{{3, {maximum, reduce_of(8, 1)}}, {5, {message}}});
  process::ByteWriter out;
  nccl::encode(out, list);
  const process::Buffer bytes = out.take();
  process::ByteReader in(bytes);
  CHECK(nccl::decode_calls(in) == list);
  in.expect_end();
  process::ByteReader cut(std::span<const std::byte>(bytes).first(bytes.size() - 1));
  CHECK_THROWS_AS(nccl::decode_calls(cut), process::BytesError);
}

}  // namespace
}  // namespace lockstep::test
