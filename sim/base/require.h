// Assertions that stay on in every build. A failure is a programmer's error, never a user's.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace lockstep {

// Thrown by LOCKSTEP_ASSERT; the tool reports it as a defect of Lockstep itself.
class AssertionFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void assertion_failed(const char* condition,
                                   std::source_location where = std::source_location::current());

}  // namespace lockstep

#define LOCKSTEP_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::lockstep::assertion_failed(#condition))
