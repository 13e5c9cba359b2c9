#include "backend/numeric/exchange.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "backend/numeric/reduction.h"

namespace lockstep::numeric {
namespace {

bool gathers(OpKind kind) {
  return kind == OpKind::all_gather || kind == OpKind::all_gatherv || kind == OpKind::dispatch;
}

bool of_pairs(OpKind kind) { return kind == OpKind::all_to_all || kind == OpKind::all_to_allv; }

bool scatters(OpKind kind) {
  return sums(kind) && kind != OpKind::all_reduce && kind != OpKind::reduce;
}

std::int64_t rows_of(const Shape& shape) { return shape.written ? shape.rows : 0; }

std::int64_t most_rows(std::span<const Shape> shapes) {
  std::int64_t most = 0;
  for (const Shape& shape : shapes) most = std::max(most, rows_of(shape));
  return most;
}

std::int64_t total(std::span<const std::int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
}

// Rows that each member receives of a sum, or that each sends to each: none of other kinds.
std::vector<std::int64_t> sizes_of(const Plan& plan, const Operation& op,
                                   std::span<const Shape> shapes,
                                   std::span<const std::int64_t> home_rows) {
  if (op.kind == OpKind::combine) return {home_rows.begin(), home_rows.end()};
  if (takes_sizes(op.kind)) return plan.size_table(op.sizes).sizes;
  const auto members = static_cast<std::int64_t>(shapes.size());
  std::vector<std::int64_t> sizes;
  if (op.kind == OpKind::reduce_scatter) {
    for (const Shape& shape : shapes) sizes.push_back(rows_of(shape) / members);
  } else if (op.kind == OpKind::all_to_all) {
    sizes.assign(shapes.size() * shapes.size(), most_rows(shapes) / members);
  }
  return sizes;
}

// The member whose columns count; nullptr if nobody has anything to give.
const Shape* leading(OpKind kind, int root, std::span<const Shape> shapes) {
  if (kind == OpKind::broadcast) {
    const Shape& given = shapes[static_cast<std::size_t>(root)];
    return given.written ? &given : nullptr;
  }
  const Shape* leader = nullptr;
  for (const Shape& shape : shapes) {
    const bool tells_more =
        leader == nullptr || (sums(kind) && leader->columns.size() < shape.columns.size());
    if (shape.written && tells_more) leader = &shape;
  }
  return leader;
}

// The first `most` elements of `held`, row by row; fewer if it has no more, none if it has other
// columns.
std::span<const float> first_elements(const Held& held, const std::vector<Interval>& columns,
                                      std::int64_t most) {
  if (!held || held->columns != columns || held->values.rows() == 0) return {};
  const std::int64_t all = held->values.rows() * held->values.columns();
  return {held->values.row(0).data(), static_cast<std::size_t>(std::min(all, most))};
}

std::span<float> at(std::span<float> working, Interval where) {
  return working.subspan(static_cast<std::size_t>(where.first),
                         static_cast<std::size_t>(where.size()));
}

// Only the part [first, last) of `working`.
std::vector<float> cut(std::vector<float>&& working, Interval where) {
  if (where.size() == static_cast<std::int64_t>(working.size())) return std::move(working);
  return {working.begin() + where.first, working.begin() + where.last};
}

}  // namespace

Shape shape_of(const Held& held) {
  if (!held) return {};
  return {true, held->values.rows(), held->columns};
}

Exchange::Exchange(const Plan& plan, std::span<const Call> calls, std::size_t output,
                   std::span<const Shape> shapes, std::span<const std::int64_t> home_rows,
                   Storage storage)
    : storage_(storage), parts_(calls.size()) {
  const Operation& op = plan.operations[static_cast<std::size_t>(calls.front().operation)];
  pattern_.kind = op.kind;
  pattern_.members = static_cast<int>(calls.size());
  pattern_.root = takes_root(op.kind) ? op.root : 0;
  reduction_ = op.reduction;
  along_columns_ = op.kind == OpKind::all_gather && op.axis == Axis::columns;
  if (op.kind != OpKind::barrier) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const Operation& own = plan.operations[static_cast<std::size_t>(calls[i].operation)];
      parts_[i].in_place = own.in[output].tensor == own.out[output].tensor;
    }
    const std::vector<std::int64_t> sizes = sizes_of(plan, op, shapes, home_rows);
    set_columns(shapes);
    set_rows(shapes, sizes);
    set_blocks(sizes);
  }
  pattern_.algorithm = algorithm_for(op.kind, pattern_.members,
                                     working_size(pattern_, 0) * bytes_per_element(storage));
}

void Exchange::set_columns(std::span<const Shape> shapes) {
  const Shape* leader = leading(pattern_.kind, pattern_.root, shapes);
  received_ = leader != nullptr;
  if (!received_) return;
  if (!along_columns_) {
    columns_ = leader->columns;
    for (Part& part : parts_) part.columns = columns_;
    return;
  }
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!shapes[i].written) continue;
    parts_[i].columns = shapes[i].columns;
    for (const Interval& c : shapes[i].columns) append(columns_, c);
  }
}

void Exchange::set_rows(std::span<const Shape> shapes, std::span<const std::int64_t> sizes) {
  const OpKind kind = pattern_.kind;
  const std::int64_t most = most_rows(shapes);
  std::int64_t all = 0;
  for (const Shape& shape : shapes) all += rows_of(shape);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    Part& part = parts_[i];
    if (gathers(kind)) {
      part.rows_in = rows_of(shapes[i]);
      part.rows_out = along_columns_ ? most : all;
    } else if (of_pairs(kind)) {
      part.rows_in = total(sizes.subspan(i * shapes.size(), shapes.size()));
      for (std::size_t from = 0; from < shapes.size(); ++from) {
        part.rows_out += sizes[from * shapes.size() + i];
      }
    } else if (scatters(kind)) {
      part.rows_in = total(sizes);
      part.rows_out = sizes[i];
    } else {
      const bool is_given = kind == OpKind::broadcast;
      part.rows_in = is_given ? rows_of(shapes[static_cast<std::size_t>(pattern_.root)]) : most;
      part.rows_out = part.rows_in;
    }
  }
}

void Exchange::set_blocks(std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t>& blocks = pattern_.blocks;
  const std::int64_t width = width_of(columns_);
  if (gathers(pattern_.kind)) {
    for (const Part& part : parts_) blocks.push_back(part.rows_in * width_of(part.columns));
  } else if (pattern_.kind == OpKind::all_reduce) {
    blocks = even_blocks(parts_.front().rows_in * width, pattern_.members);
  } else if (takes_root(pattern_.kind)) {
    blocks = {parts_.front().rows_in * width};
  } else {
    for (const std::int64_t rows : sizes) blocks.push_back(rows * width);
  }
}

// Where load() puts what the member passes.
Interval Exchange::input(int member) const {
  const std::int64_t size = part(member).rows_in * width_of(part(member).columns);
  if (pattern_.kind == OpKind::broadcast && member != pattern_.root) return {};
  if (!gathers(pattern_.kind)) return {0, size};
  const std::int64_t first =
      total(std::span(pattern_.blocks).first(static_cast<std::size_t>(member)));
  return {first, first + size};
}

Interval Exchange::result(int member) const {
  const std::int64_t size = working_size(pattern_, member);
  if (of_pairs(pattern_.kind)) return {input(member).size(), size};
  if (pattern_.kind == OpKind::reduce && member != pattern_.root) return {};
  if (!scatters(pattern_.kind)) return {0, size};
  const auto place = static_cast<std::size_t>(member);
  const std::int64_t first = total(std::span(pattern_.blocks).first(place));
  return {first, first + pattern_.blocks[place]};
}

std::vector<float> Exchange::load(int member, const Held& passed) const {
  const std::int64_t size = working_size(pattern_, member);
  const std::span<const float> elements = first_elements(passed, part(member).columns, size);
  const bool is_all = input(member).size() == size && std::ssize(elements) == size;
  if (is_all) return {elements.begin(), elements.end()};
  std::vector<float> working(static_cast<std::size_t>(size));
  load_into(member, passed, working);
  return working;
}

Exchange::Load Exchange::load_steps(int member, const Shape& passed) const {
  Load load{input(member), 0, {}, 0};
  if (passed.written && passed.columns == part(member).columns) {
    load.given = std::min(passed.rows * width_of(passed.columns), load.into.size());
  }
  if (!of_pairs(pattern_.kind)) return load;
  const auto own = static_cast<std::size_t>(member);
  const auto n = static_cast<std::size_t>(pattern_.members);
  const std::span<const std::int64_t> blocks(pattern_.blocks);
  load.own.first = total(blocks.subspan(own * n, own));
  load.own.last = load.own.first + blocks[own * n + own];
  load.own_at = result(member).first;
  for (std::size_t before = 0; before < own; ++before) load.own_at += blocks[before * n + own];
  return load;
}

void Exchange::load_into(int member, const Held& passed, std::span<float> working) const {
  const Load load = load_steps(member, shape_of(passed));
  const std::span<float> to = at(working, load.into);
  const std::span<const float> from = first_elements(passed, part(member).columns, load.given);
  std::ranges::copy(from, to.begin());
  std::ranges::fill(to.subspan(from.size()), kUndefinedElement);
  std::copy_n(working.begin() + load.own.first, load.own.size(), working.begin() + load.own_at);
}

void Exchange::take(const Turn& turn, std::span<const float> message,
                    std::span<float> working) const {
  const std::span<float> onto = at(working, turn.receive);
  if (turn.folds) {
    fold(reduction_, storage_, onto, message);
  } else {
    std::ranges::copy(message, onto.begin());
  }
}

// The root of a broadcast has what it passed, and so has who sums or gathers alone.
Exchange::Unload Exchange::unload_steps(int member) const {
  const OpKind kind = pattern_.kind;
  const bool is_root = member == pattern_.root;
  const bool alone = pattern_.members == 1 && (all_receive_the_same() || kind == OpKind::reduce);
  const bool is_left_out = kind == OpKind::reduce && !is_root;
  Unload unload{Received::elements, part(member).rows_out, false};
  if (alone || (kind == OpKind::broadcast && is_root) || (is_left_out && part(member).in_place)) {
    unload.received = Received::passed;
  } else if (!received_) {
    unload.received = Received::nothing;
  } else if (is_left_out) {
    unload.received = Received::undefined;
  } else if (along_columns_) {
    unload.received = Received::side_by_side;
  } else {
    unload.is_average = sums(kind) && reduction_ == Reduction::average && pattern_.members > 1;
  }
  return unload;
}

Held Exchange::unload(int member, std::vector<float>&& working, const Held& passed) const {
  const Unload unload = unload_steps(member);
  const std::int64_t width = width_of(columns_);
  switch (unload.received) {
    case Received::passed:
      return passed;
    case Received::nothing:
      return nullptr;
    case Received::undefined:
      return make_held(columns_, Matrix<float>(unload.rows, width, kUndefinedElement));
    case Received::side_by_side:
      return make_held(columns_, {unload.rows, width, side_by_side(working)});
    case Received::elements:
      break;
  }
  std::vector<float> elements = cut(std::move(working), result(member));
  if (unload.is_average) {
    const auto factor = static_cast<float>(1.0 / pattern_.members);
    for (float& v : elements) v = stored(v * factor, storage_);
  }
  return make_held(columns_, {unload.rows, width, std::move(elements)});
}

std::vector<Exchange::SideBlock> Exchange::side_blocks() const {
  std::vector<SideBlock> blocks;
  SideBlock next;
  for (const Part& part : parts_) {
    next.rows = part.rows_in;
    next.columns = width_of(part.columns);
    blocks.push_back(next);
    next.from += next.rows * next.columns;
    next.left += next.columns;
  }
  return blocks;
}

// Rows of blocks that stand one after the other, side by side.
std::vector<float> Exchange::side_by_side(std::span<const float> working) const {
  const std::int64_t width = width_of(columns_);
  std::vector<float> all(static_cast<std::size_t>(parts_.front().rows_out * width),
                         kUndefinedElement);
  for (const SideBlock& block : side_blocks()) {
    auto from = working.begin() + block.from;
    for (std::int64_t r = 0; r < block.rows; ++r, from += block.columns) {
      std::copy_n(from, block.columns, all.begin() + r * width + block.left);
    }
  }
  return all;
}

bool Exchange::all_receive_the_same() const {
  return pattern_.kind == OpKind::all_reduce || pattern_.kind == OpKind::broadcast ||
         gathers(pattern_.kind);
}

std::vector<std::int64_t> Exchange::bytes_sent(int member) const {
  std::vector<std::int64_t> sent = elements_sent(pattern_, member);
  for (std::int64_t& count : sent) count *= bytes_per_element(storage_);
  return sent;
}

}  // namespace lockstep::numeric
