// The linear operations on tensors on a device: the host's elements, exactly.
#include <doctest/doctest.h>

#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using numeric::Garbage;
using numeric::Held;
using numeric::Interval;
using numeric::Matrix;
using numeric::Storage;

// "" if both were never written, or have the same columns and elements.
std::string held_difference(const std::string& what, const Held& actual, const Held& expected,
                            const Allowed& allowed = {}) {
  if (!actual || !expected) return actual || expected ? what + ": one was never written" : "";
  if (actual->columns != expected->columns) return what + ": other columns";
  return difference(what, actual->values, expected->values, allowed);
}

struct Tensors {
  Storage storage;
  Both both{odd_model(), storage};
  Random random{8};

  Held held(std::int64_t rows, std::vector<Interval> columns) {
    Matrix<float> values = drawn_with_nan(random, rows, numeric::width_of(columns), storage);
    return numeric::make_held(std::move(columns), std::move(values));
  }
  // As the device has it afterwards.
  Held back(const nccl::DeviceHeld& tensor) { return both.device.tensor_to_host(tensor); }
  nccl::DeviceHeld there(const Held& held) { return both.device.tensor_from_host(held); }
  // The host's, as memory keeps it.
  Held kept(const Held& held) { return both.host.as_kept(held, Garbage::nan); }
};

TEST_CASE("sums of tensors: other rows, other columns, never written, and many" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Tensors t{storage};
    const Held a = t.held(5, {{0, 20}});
    const Held b = t.held(5, {{0, 20}});
    const Held shorter = t.held(3, {{0, 20}});
    const Held other = t.held(5, {{20, 40}});
    const Held pieces = t.held(5, {{0, 10}, {30, 40}});
    const std::vector<Held> many(19, b);
    for (const std::vector<Held>& addends : {std::vector<Held>{a},
                                             {a, b},
                                             {a, shorter},
                                             {a, other},
                                             {a, pieces},
                                             {a, nullptr},
                                             {nullptr, nullptr},
                                             {a, b, shorter, b},
                                             many}) {
      std::vector<nccl::DeviceHeld> on_device;
      for (const Held& held : addends) on_device.push_back(t.there(held));
      CHECK(held_difference(named("added", storage), t.back(t.both.device.added(on_device)),
                            t.kept(t.both.host.added(addends))) == "");
    }
  }
}

TEST_CASE("scaled, sliced, taken" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Tensors t{storage};
    for (const std::int64_t rows : kRowCounts) {
      const Held a = t.held(rows, {{0, 20}});
      const Held pieces = t.held(rows, {{5, 15}, {30, 40}, {10, 20}});
      for (const Held& held : {a, pieces, Held()}) {
        const auto on_device = t.there(held);
        CHECK(held_difference(named("scaled", storage),
                              t.back(t.both.device.scaled(on_device, 0.3)),
                              t.kept(t.both.host.scaled(held, 0.3))) == "");
        for (const Interval slice : {Interval{0, 20}, {12, 33}, {7, 7}}) {
          CHECK(held_difference(named("sliced_columns", storage),
                                t.back(t.both.device.sliced_columns(on_device, slice)),
                                t.both.host.sliced_columns(held, slice)) == "");
        }
        for (const std::int64_t columns : {11, 20, 26}) {
          const std::vector<std::int64_t> at = {4, 0, 1000, 2};
          CHECK(difference(named("taken", storage),
                           t.both.device.to_host(t.both.device.taken(on_device, at, columns)),
                           t.both.host.taken(held, at, columns)) == "");
        }
      }
    }
  }
}

TEST_CASE("rows are copied as on the host, also from and to where nothing is" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Tensors t{storage};
    const Held a = t.held(6, {{0, 20}});
    const Held b = t.held(4, {{0, 20}});
    const Held other = t.held(9, {{0, 7}});
    const RowMoves moves{8, {{0, 3, 2}, {5, -1, 4}, {2, 6, 5}, {1, 4, 1}}};
    for (const Held& from : {a, Held()}) {
      for (const Held& onto : {b, other, Held()}) {
        for (const Fill fill : {Fill::zero, Fill::undefined, Fill::keep}) {
          CHECK(held_difference(named("copied_rows", storage),
                                t.back(t.both.device.copied_rows(t.there(from), t.there(onto),
                                                                 moves, fill, {0, 20})),
                                t.both.host.copied_rows(from, onto, moves, fill, {0, 20})) == "");
        }
      }
    }
  }
}

TEST_CASE("as memory keeps it, and with one element corrupted" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Tensors t{storage};
    const Held a = t.held(6, {{0, 20}});
    for (const Garbage garbage : {Garbage::nan, Garbage::finite}) {
      CHECK(held_difference(named("as_kept", storage),
                            t.back(t.both.device.as_kept(t.there(a), garbage)),
                            t.both.host.as_kept(a, garbage)) == "");
    }
    const auto on_device = t.there(a);
    CHECK(t.both.device.as_kept(on_device, Garbage::nan) == on_device);
    // An unrounded sum is rounded.
    const Matrix<float> x = drawn(t.random, 3, 20, Storage::float32);
    const auto sum = nccl::uploaded(gpu(), x, nccl::ElementType::float32);
    CHECK(held_difference(
              named("as_kept of a sum", storage),
              t.back(t.both.device.as_kept(t.both.device.made({{0, 20}}, sum), Garbage::nan)),
              t.kept(numeric::make_held({{0, 20}}, x))) == "");
    for (const std::int64_t row : {1, 6}) {
      const numeric::Corruption corruption{0, 0, row, 3, 8.0};
      CHECK(held_difference(named("corrupted", storage),
                            t.back(t.both.device.corrupted(t.there(a), corruption)),
                            t.both.host.corrupted(a, corruption)) == "");
    }
  }
}

}  // namespace
}  // namespace lockstep::test
