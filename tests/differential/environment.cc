#include "tests/differential/environment.h"

#include <cstdlib>

namespace lockstep::test {

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

}  // namespace lockstep::test
