#include "backend/process/messages.h"

#include <limits>

namespace lockstep::process {
namespace {

using numeric::Comparison;
using numeric::Held;
using numeric::Interval;
using numeric::Matrix;
using numeric::ReplayResult;
using numeric::RouterChoice;

// ---- tensors ----------------------------------------------------------------------------------

void put(ByteWriter& out, const Shown& shown) {
  out.put(static_cast<std::int64_t>(shown.tensor.index()));
  out.put(shown.has_values);
  out.put(shown.held != nullptr);
  if (!shown.held) return;
  const Matrix<float>& values = shown.held->values;
  out.put_list(std::span<const Interval>(shown.held->columns));
  out.put(values.rows());
  out.put(shown.has_values ? values.columns() : 0);
  for (std::int64_t r = 0; shown.has_values && r < values.rows(); ++r) out.put_all(values.row(r));
}

Matrix<float> get_values(ByteReader& in) {
  const auto rows = in.get<std::int64_t>();
  const auto columns = in.get<std::int64_t>();
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (rows < 0 || columns < 0 || rows > kMost || columns > kMost) {
    throw BytesError("a tensor has no such shape");
  }
  if (columns > 0) in.expect_at_least(static_cast<std::size_t>(rows * columns) * sizeof(float));
  Matrix<float> values(rows, columns);
  for (std::int64_t r = 0; columns > 0 && r < rows; ++r) in.get_all(values.row(r));
  return values;
}

Shown get_shown(ByteReader& in, const Plan& plan) {
  const auto tensor = in.get<std::int64_t>();
  if (tensor < 0 || tensor >= static_cast<std::int64_t>(plan.tensors.size())) {
    throw BytesError("a message names a tensor that the plan has not");
  }
  Shown shown{TensorId{static_cast<std::int32_t>(tensor)}, in.get<bool>(), nullptr};
  if (!in.get<bool>()) return shown;
  std::vector<Interval> columns = in.get_list<Interval>();
  shown.held = numeric::make_held(std::move(columns), get_values(in));
  return shown;
}

void put(ByteWriter& out, const std::vector<Shown>& all) {
  out.put(static_cast<std::uint64_t>(all.size()));
  for (const Shown& shown : all) put(out, shown);
}

std::vector<Shown> get_all_shown(ByteReader& in, const Plan& plan) {
  std::vector<Shown> all(in.get_count(1));
  for (Shown& shown : all) shown = get_shown(in, plan);
  return all;
}

// ---- results ----------------------------------------------------------------------------------

void put(ByteWriter& out, const Comparison& c) {
  out.put(c.operation);
  out.put(c.operand);
  out.put(c.site.step);
  out.put(c.site.layer);
  out.put_text(c.site.module);
  for (const bool flag : {c.boundary, c.met, c.inconclusive}) out.put(flag);
  const std::vector<int> wrong = c.wrong.to_vector();
  out.put_list(std::span<const int>(wrong));
  for (const double v : {c.relative_error, c.scale, c.error_after_scale}) out.put(v);
  out.put(static_cast<std::uint64_t>(c.terms.size()));
  for (const numeric::TermScale& t : c.terms) {
    out.put_text(t.term);
    out.put(t.scale);
  }
}

Comparison get_comparison(ByteReader& in) {
  Comparison c;
  c.operation = in.get<int>();
  c.operand = in.get<int>();
  c.site.step = in.get<int>();
  c.site.layer = in.get<int>();
  c.site.module = in.get_text();
  c.boundary = in.get<bool>();
  c.met = in.get<bool>();
  c.inconclusive = in.get<bool>();
  c.wrong = RankSet::of(in.get_list<int>());
  c.relative_error = in.get<double>();
  c.scale = in.get<double>();
  c.error_after_scale = in.get<double>();
  c.terms.resize(in.get_count(1));
  for (numeric::TermScale& t : c.terms) {
    t.term = in.get_text();
    t.scale = in.get<double>();
  }
  return c;
}

}  // namespace

Buffer encode(const Arrival& arrival) {
  ByteWriter out;
  out.put(arrival.operation);
  put(out, arrival.shown);
  out.put(static_cast<std::uint64_t>(arrival.choices.size()));
  for (const RouterChoice& choice : arrival.choices) {
    out.put(choice.step);
    out.put(choice.layer);
    out.put(choice.row);
    out.put_list(std::span<const int>(choice.experts));
  }
  return out.take();
}

Arrival decode_arrival(std::span<const std::byte> bytes, const Plan& plan) {
  ByteReader in(bytes);
  Arrival arrival;
  arrival.operation = in.get<int>();
  arrival.shown = get_all_shown(in, plan);
  arrival.choices.resize(in.get_count(1));
  for (RouterChoice& choice : arrival.choices) {
    choice.step = in.get<int>();
    choice.layer = in.get<int>();
    choice.row = in.get<std::int64_t>();
    choice.experts = in.get_list<int>();
  }
  in.expect_end();
  return arrival;
}

Buffer encode(const GoOn& go_on) {
  ByteWriter out;
  put(out, go_on.repaired);
  return out.take();
}

GoOn decode_go_on(std::span<const std::byte> bytes, const Plan& plan) {
  ByteReader in(bytes);
  GoOn go_on{get_all_shown(in, plan)};
  in.expect_end();
  return go_on;
}

Buffer encode(const std::vector<Notice>& notices) {
  ByteWriter out;
  out.put(static_cast<std::uint64_t>(notices.size()));
  for (const Notice& n : notices) {
    out.put(n.call.rank);
    out.put(n.call.operation);
    out.put(n.call.rows);
    out.put(static_cast<std::uint64_t>(n.shapes.size()));
    for (const numeric::Shape& shape : n.shapes) {
      out.put(shape.written);
      out.put(shape.rows);
      out.put_list(std::span<const Interval>(shape.columns));
    }
  }
  return out.take();
}

std::vector<Notice> decode_notices(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  std::vector<Notice> notices(in.get_count(1));
  for (Notice& n : notices) {
    n.call.rank = in.get<int>();
    n.call.operation = in.get<int>();
    n.call.rows = in.get<std::int64_t>();
    n.shapes.resize(in.get_count(1));
    for (numeric::Shape& shape : n.shapes) {
      shape.written = in.get<bool>();
      shape.rows = in.get<std::int64_t>();
      shape.columns = in.get_list<Interval>();
    }
  }
  in.expect_end();
  return notices;
}

// What a tensor may be, at most: a damaged number must not become a large allocation.
void check_shape(const numeric::Shape& shape) {
  constexpr std::int64_t kMostRows = std::int64_t{1} << 31;
  constexpr std::int64_t kMostElements = std::int64_t{1} << 31;
  std::int64_t width = 0;
  for (const Interval& c : shape.columns) {
    const bool is_interval = c.first >= 0 && c.first <= c.last && c.last <= kMostRows;
    if (!is_interval) throw BytesError("a tensor has no such columns");
    width += c.size();
  }
  const bool fits = shape.rows >= 0 && shape.rows <= kMostRows && width <= kMostRows &&
                    (width == 0 || shape.rows <= kMostElements / width);
  if (!fits) throw BytesError("a tensor is larger than any that is sent");
}

void check_notices(const Plan& plan, const std::vector<Notice>& notices,
                   const std::vector<int>& ranks) {
  if (notices.size() != ranks.size()) throw BytesError("not every member says what it calls");
  const auto operations = static_cast<int>(plan.operations.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const numeric::Call& call = notices[i].call;
    const bool is_call =
        call.rank == ranks[i] && call.operation >= 0 && call.operation < operations &&
        communicates(plan.operations[static_cast<std::size_t>(call.operation)].kind);
    if (!is_call) throw BytesError("a member says that it calls what is no call of its own");
    for (const numeric::Shape& shape : notices[i].shapes) check_shape(shape);
  }
}

Buffer encode(const RankReport& report) {
  ByteWriter out;
  out.put(static_cast<std::uint64_t>(report.traffic.size()));
  for (const RankTraffic& t : report.traffic) {
    out.put(t.operation);
    out.put(t.microseconds);
    out.put(static_cast<std::uint64_t>(t.sent_bytes.size()));
    for (const auto& [peer, bytes] : t.sent_bytes) {
      out.put(peer);
      out.put(bytes);
    }
  }
  out.put_list(std::span<const std::byte>(report.worker));
  return out.take();
}

RankReport decode_rank_report(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  RankReport report;
  report.traffic.resize(in.get_count(1));
  for (RankTraffic& t : report.traffic) {
    t.operation = in.get<int>();
    t.microseconds = in.get<double>();
    for (std::size_t peers = in.get_count(1); peers > 0; --peers) {
      const int peer = in.get<int>();
      t.sent_bytes[peer] = in.get<std::int64_t>();
    }
  }
  report.worker = in.get_list<std::byte>();
  in.expect_end();
  return report;
}

Buffer encode(const ReplayResult& result) {
  ByteWriter out;
  out.put(result.verdict);
  out.put(static_cast<std::uint64_t>(result.comparisons.size()));
  for (const Comparison& c : result.comparisons) put(out, c);
  out.put(result.stopped_at);
  out.put_text(result.stopped_why);
  out.put(result.tolerance);
  out.put(static_cast<std::uint64_t>(result.words.size()));
  for (const numeric::StepWords& w : result.words) {
    for (const int number : {w.step, w.changed, w.total}) out.put(number);
  }
  return out.take();
}

ReplayResult decode_result(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  ReplayResult result;
  result.verdict = in.get<numeric::ReplayVerdict>();
  result.comparisons.resize(in.get_count(1));
  for (Comparison& c : result.comparisons) c = get_comparison(in);
  result.stopped_at = in.get<int>();
  result.stopped_why = in.get_text();
  result.tolerance = in.get<double>();
  result.words.resize(in.get_count(1));
  for (numeric::StepWords& w : result.words) {
    w.step = in.get<int>();
    w.changed = in.get<int>();
    w.total = in.get<int>();
  }
  in.expect_end();
  return result;
}

}  // namespace lockstep::process
