#include "sim/parallel/batch.h"

namespace lockstep {

std::string to_string(ForwardMode mode) {
  switch (mode) {
    case ForwardMode::extend:
      return "extend";
    case ForwardMode::decode:
      return "decode";
    case ForwardMode::idle:
      return "idle";
  }
  return {};
}

std::string to_string(Padding padding) {
  switch (padding) {
    case Padding::none:
      return "none";
    case Padding::max_len:
      return "max_len";
    case Padding::sum_len:
      return "sum_len";
  }
  return {};
}

}  // namespace lockstep
