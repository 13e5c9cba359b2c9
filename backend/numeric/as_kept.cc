#include "backend/numeric/as_kept.h"

#include <algorithm>
#include <cmath>

#include "backend/numeric/arithmetic.h"

namespace lockstep::numeric {
namespace {

bool has_nan(const Held& held) {
  for (std::int64_t r = 0; r < held->values.rows(); ++r) {
    if (std::ranges::any_of(held->values.row(r), [](float v) { return std::isnan(v); })) {
      return true;
    }
  }
  return false;
}

bool is_stored(const LocalTensor& tensor, Storage storage) {
  if (storage == Storage::float32) return true;
  const auto is_kept = [&](float v) { return std::isnan(v) || stored(v, storage) == v; };
  for (std::int64_t r = 0; r < tensor.values.rows(); ++r) {
    if (!std::ranges::all_of(tensor.values.row(r), is_kept)) return false;
  }
  return true;
}

}  // namespace

Held as_kept(Held value, Storage storage, Garbage garbage) {
  if (value && !is_stored(*value, storage)) {
    value = make_held(value->columns, stored(value->values, storage));
  }
  if (garbage != Garbage::finite || !value || !has_nan(value)) return value;
  LocalTensor filled = *value;
  for (std::int64_t r = 0; r < filled.values.rows(); ++r) {
    for (float& v : filled.values.row(r)) {
      if (std::isnan(v)) v = finite_garbage(storage);
    }
  }
  return make_held(std::move(filled.columns), std::move(filled.values));
}

}  // namespace lockstep::numeric
