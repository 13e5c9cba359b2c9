// What ranks and the observer say to each other, and what they tell the coordinator at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend/numeric/exchange.h"
#include "backend/numeric/reference.h"
#include "backend/numeric/replay.h"
#include "backend/numeric/tensor.h"
#include "backend/process/bytes.h"
#include "sim/plan/plan.h"

namespace lockstep::process {

// A tensor as a rank holds it, with or without its values.
struct Shown {
  TensorId tensor;
  bool has_values = false;
  numeric::Held held;  // without values: a matrix of that many rows and no columns
};

// Rank to observer, before each operation that the rank executes, and once when it is through.
struct Arrival {
  int operation = 0;  // as many as the plan has: through
  std::vector<Shown> shown;
  std::vector<numeric::RouterChoice> choices;  // since the last arrival
};

// Observer to rank: it may execute the operation, with these tensors put right before.
struct GoOn {
  std::vector<Shown> repaired;
};

// What somebody who calls says of the call before any tensor is sent.
struct Notice {
  numeric::Call call;
  std::vector<numeric::Shape> shapes;  // of what is passed for each output
};

// What a rank did in one operation that communicates.
struct RankTraffic {
  int operation = 0;
  double microseconds = 0;                 // from the call to its end
  std::map<int, std::int64_t> sent_bytes;  // of tensors, by peer
};

// Rank to coordinator, at the end.
struct RankReport {
  std::vector<RankTraffic> traffic;
  std::vector<std::byte> worker;  // of Worker::finish()
};

Buffer encode(const Arrival& arrival);
Buffer encode(const GoOn& go_on);
Buffer encode(const std::vector<Notice>& notices);
Buffer encode(const RankReport& report);
Buffer encode(const numeric::ReplayResult& result);

// All of these: throw BytesError.
Arrival decode_arrival(std::span<const std::byte> bytes, const Plan& plan);
GoOn decode_go_on(std::span<const std::byte> bytes, const Plan& plan);
std::vector<Notice> decode_notices(std::span<const std::byte> bytes);
RankReport decode_rank_report(std::span<const std::byte> bytes);
numeric::ReplayResult decode_result(std::span<const std::byte> bytes);

// That there is one notice of each of `ranks`, in their order, and that their operations are ones
// of the plan that communicate. Throws BytesError.
void check_notices(const Plan& plan, const std::vector<Notice>& notices,
                   const std::vector<int>& ranks);

}  // namespace lockstep::process
