#include "tests/scenario/importing.h"

#include <doctest/doctest.h>

namespace lockstep::test {

std::string imported(const std::string& command, const ImportOptions& options) {
  const Imported result = import_sglang(command, options);
  REQUIRE_MESSAGE(result.faults.empty(), to_string(result.faults));
  return result.scenario;
}

std::string import_faults(const std::string& command, const ImportOptions& options) {
  const Imported result = import_sglang(command, options);
  CHECK(result.faults.empty() != result.scenario.empty());
  return result.faults.empty() ? "none" : to_string(result.faults);
}

std::string import_remarks(const std::string& command, const ImportOptions& options) {
  const Imported result = import_sglang(command, options);
  REQUIRE_MESSAGE(result.faults.empty(), to_string(result.faults));
  return to_string(result.doubts) + to_string(result.notes);
}

}  // namespace lockstep::test
