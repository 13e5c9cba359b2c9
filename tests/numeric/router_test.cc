#include "backend/numeric/router.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace lockstep::test {
namespace {

using numeric::choose_experts;
using Scores = std::vector<double>;
using Chosen = std::vector<int>;

Model router_model(int per_token, int groups = 1, int groups_kept = 1) {
  Model model;
  model.num_experts_per_tok = per_token;
  model.n_group = groups;
  model.topk_group = groups_kept;
  return model;
}

TEST_CASE("the best experts are chosen, in index order") {
  CHECK(choose_experts(Scores{0.1, 0.9, 0.3, 0.8}, router_model(2)).experts == Chosen{1, 3});
}

TEST_CASE("ties go to the lower index") {
  CHECK(choose_experts(Scores{0.5, 0.5, 0.5, 0.5}, router_model(2)).experts == Chosen{0, 1});
  CHECK(choose_experts(Scores{0.1, 0.5, 0.9, 0.5}, router_model(2)).experts == Chosen{1, 2});
}

TEST_CASE("a group's score is the sum of its two best, and lost groups lose their best expert") {
  // Groups {0.9, 0.0, 0.0} = 0.9 and {0.5, 0.6, 0.1} = 1.1: expert 0 is out although it is best.
  const Scores scores{0.9, 0.0, 0.0, 0.5, 0.6, 0.1};
  CHECK(choose_experts(scores, router_model(2, 2, 1)).experts == Chosen{3, 4});
  CHECK(choose_experts(scores, router_model(2, 2, 2)).experts == Chosen{0, 4});
}

TEST_CASE("tied groups go to the lower one") {
  CHECK(choose_experts(Scores{0.4, 0.6, 0.5, 0.5}, router_model(1, 2, 1)).experts == Chosen{1});
}

TEST_CASE("the margin is the relative distance between the last kept and the first lost") {
  // (0.8 - 0.6) / 0.8 = 0.25
  CHECK(choose_experts(Scores{0.8, 0.6, 0.9}, router_model(2)).margin == doctest::Approx(0.25));
  CHECK(std::isinf(choose_experts(Scores{0.8, 0.6}, router_model(2)).margin));
  CHECK(choose_experts(Scores{0.5, 0.5}, router_model(1)).margin == 0);
  // Groups 1.0 and 0.9 decide by (1.0 - 0.9) / 1.0 = 0.1, the experts 0.7 and 0.3 by 4/7.
  CHECK(choose_experts(Scores{0.7, 0.3, 0.5, 0.4}, router_model(1, 2, 1)).margin ==
        doctest::Approx(0.1));
}

TEST_CASE("more experts wanted than there are means all of them") {
  CHECK(choose_experts(Scores{0.1, 0.2}, router_model(5)).experts == Chosen{0, 1});
}

TEST_CASE("a score that is no number loses, and nothing breaks") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(choose_experts(Scores{nan, 0.1, nan, 0.2}, router_model(2)).experts == Chosen{1, 3});
  CHECK(choose_experts(Scores{nan, nan}, router_model(1)).experts == Chosen{0});
}

TEST_CASE("combine weights: normalised to sum 1, times the routed scaling factor") {
  Model model = router_model(2);
  model.routed_scaling_factor = 2.5;
  const Scores scores{0.6, 0.1, 0.2};
  // 0.6 / 0.8 * 2.5 = 1.875 and 0.2 / 0.8 * 2.5 = 0.625
  const Scores weights = numeric::combine_weights(scores, {0, 2}, model);
  CHECK(weights[0] == doctest::Approx(1.875));
  CHECK(weights[1] == doctest::Approx(0.625));
  model.norm_topk_prob = false;
  CHECK(numeric::combine_weights(scores, {0, 2}, model)[1] == doctest::Approx(0.5));  // 0.2 * 2.5
}

TEST_CASE("scores: 1 / (1 + e^-x), or softmax") {
  Scores logits{0.0, std::log(3.0)};
  Model model;
  numeric::score(logits, model);
  CHECK(logits[0] == doctest::Approx(0.5));
  CHECK(logits[1] == doctest::Approx(0.75));  // 3 / (3 + 1)
  logits = {0.0, std::log(3.0)};
  model.scoring_func = "softmax";
  numeric::score(logits, model);
  CHECK(logits[0] == doctest::Approx(0.25));  // 1 / (1 + 3)
}

TEST_CASE("group_limited_greedy: a group counts as its best expert; greedy knows no groups") {
  // Best 0.9 beats 0.6, although 0.9 + 0.15 < 0.5 + 0.6.
  const Scores scores{0.9, 0.15, 0.0, 0.5, 0.6, 0.1};
  Model model = router_model(2, 2, 1);
  model.topk_method = "group_limited_greedy";
  CHECK(choose_experts(scores, model).experts == Chosen{0, 1});
  CHECK(choose_experts(scores, model).margin == doctest::Approx((0.9 - 0.6) / 0.9));
  model.topk_method = "noaux_tc";
  CHECK(choose_experts(scores, model).experts == Chosen{3, 4});
  model.topk_method = "greedy";
  CHECK(choose_experts(scores, model).experts == Chosen{0, 4});
}

TEST_CASE("a correction counts in the choice and not in the weight") {
  const Scores scores{0.5, 0.4, 0.3};
  const numeric::RouterBiases biases{{}, {0.0F, 0.0F, 0.25F}};
  const Model model = router_model(2);
  const Chosen chosen = choose_experts(numeric::ranking(scores, biases), model).experts;
  CHECK(chosen == Chosen{0, 2});  // 0.3 + 0.25 > 0.4
  const Scores weights = numeric::combine_weights(scores, chosen, model);
  CHECK(weights[1] == doctest::Approx(0.3 / (0.5 + 0.3)));
}

TEST_CASE("the correction really changes choices, and noaux_tc alone has it") {
  Model model = router_model(2);
  model.n_routed_experts = 8;
  model.hidden_size = 16;
  numeric::Weights without(model, 1);
  CHECK(numeric::router_biases(without, 0).correction.empty());
  model.topk_method = "noaux_tc";
  numeric::Weights with(model, 1);
  const numeric::RouterBiases biases = numeric::router_biases(with, 0);
  REQUIRE(biases.correction.size() == 8);
  const Scores equal(8, 0.5);
  CHECK(choose_experts(numeric::ranking(equal, biases), model).experts != Chosen{0, 1});
}

TEST_CASE("softmax of all, normalised over the chosen, is the softmax of the chosen logits") {
  const Scores logits{0.3, -1.0, 2.0, 0.9};
  Scores scores = logits;
  Model model = router_model(2);
  model.scoring_func = "softmax";
  numeric::score(scores, model);
  const Chosen chosen = choose_experts(scores, model).experts;
  CHECK(chosen == Chosen{2, 3});
  const Scores weights = numeric::combine_weights(scores, chosen, model);
  // e^2 / (e^2 + e^0.9)
  CHECK(weights[0] == doctest::Approx(std::exp(2.0) / (std::exp(2.0) + std::exp(0.9))));
}

}  // namespace
}  // namespace lockstep::test
