// How closely the time of a collective is followed.
#pragma once

#include <cstdint>
#include <string_view>

namespace lockstep {

enum class Fidelity : std::uint8_t {
  closed_form,  // the formula of its algorithm, or the library's model
  messages,     // every message, one by one, over the links of the hardware
};
std::string_view to_string(Fidelity fidelity);

}  // namespace lockstep
