// Attention over the positions of a cache, on the CPU.
#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/host_arithmetic.h"

namespace lockstep::numeric {
namespace {

using Values = HostArithmetic::Values;

float dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

struct KeysAndValues {
  const Values& keys;
  const Values& values;
};

// One head of one token: softmax of the scores over `positions`, times v. A sink is one more score,
// without a value.
void attend(std::span<const float> query, const KeysAndValues& all, std::int64_t kv_head,
            Interval positions, const float* sink, std::span<float> out) {
  const auto at = [&](std::int64_t width) { return static_cast<std::size_t>(kv_head * width); };
  const std::size_t key_at = at(static_cast<std::int64_t>(query.size()));
  const std::size_t value_at = at(static_cast<std::int64_t>(out.size()));
  const float scale = 1.0F / std::sqrt(static_cast<float>(query.size()));
  std::vector<float> scores;
  for (std::int64_t p = positions.first; p < positions.last; ++p) {
    scores.push_back(scale * dot(query, all.keys.row(p).subspan(key_at, query.size())));
  }
  if (sink != nullptr) scores.push_back(*sink);
  softmax(std::span(scores));
  for (std::int64_t p = positions.first; p < positions.last; ++p) {
    const std::span<const float> value = all.values.row(p).subspan(value_at, out.size());
    const float weight = scores[static_cast<std::size_t>(p - positions.first)];
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * value[i];
  }
}

}  // namespace

Values HostArithmetic::mixed(const Values& queries, const Values& keys, const Values& values,
                             HeadPlaces heads, int layer) const {
  const auto width = static_cast<std::size_t>(query_width(model()));
  const auto value = static_cast<std::size_t>(value_width(model()));
  const std::int64_t count = queries.columns() / static_cast<std::int64_t>(width);
  const std::int64_t window = model().window_of(layer);
  const std::int64_t before = keys.rows() - queries.rows();
  std::vector<float> sinks;
  if (model().attention_sinks) sinks = weights_->at({WeightKind::sink, layer}).row();
  Values out(queries.rows(), count * static_cast<std::int64_t>(value));
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    const std::int64_t end = before + r + 1;
    const Interval seen{window > 0 ? std::max<std::int64_t>(0, end - window) : 0, end};
    for (std::int64_t h = 0; h < count; ++h) {
      const std::int64_t of_all = heads.first_query + h;
      const auto i = static_cast<std::size_t>(h);
      const float* sink = sinks.empty() ? nullptr : &sinks[static_cast<std::size_t>(of_all)];
      attend(queries.row(r).subspan(i * width, width), {keys, values},
             of_all / heads.group - heads.first_kv, seen, sink,
             out.row(r).subspan(i * value, value));
    }
  }
  return kept(std::move(out));
}

}  // namespace lockstep::numeric
