// FNV-1a, 64 bits: the hash that is printed. Never used where an adversary chooses the input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

class Fnv1a {
 public:
  constexpr void add(std::string_view bytes) {
    for (const char c : bytes) {
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
  }
  constexpr std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

// Sixteen lower-case hexadecimal digits.
std::string hex64(std::uint64_t value);

}  // namespace lockstep
