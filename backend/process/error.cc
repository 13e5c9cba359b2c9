#include "backend/process/error.h"

#include <fmt/format.h>

namespace lockstep::process {

std::string name_of(int member, int ranks) {
  if (member == ranks) return "the observer";
  return fmt::format("rank {}", member);
}

AddressInUse::AddressInUse(const std::string& address)
    : std::runtime_error(fmt::format(
          "address {} is in use by another process; `ss -xlp` names it. Give the run another name, "
          "or none: then one is drawn",
          address)) {}

}  // namespace lockstep::process
