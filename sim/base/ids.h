// Strong indices: a TensorId is not a TermId, and neither is a number.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace lockstep {

// An index into one table. Default-constructed ids are `none`.
template <class Tag>
struct Id {
  std::int32_t value = -1;

  static constexpr Id none() { return {}; }
  constexpr bool exists() const { return value >= 0; }
  constexpr std::size_t index() const { return static_cast<std::size_t>(value); }
  constexpr auto operator<=>(const Id&) const = default;
};

}  // namespace lockstep

template <class Tag>
struct std::hash<lockstep::Id<Tag>> {
  std::size_t operator()(lockstep::Id<Tag> id) const noexcept {
    return static_cast<std::size_t>(id.value);
  }
};
