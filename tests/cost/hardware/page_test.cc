// docs/hardware.md is printed from the constants.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "sim/report/hardware_page.h"

namespace lockstep {

TEST_CASE("docs/hardware.md has the constants and sources of the presets") {
  std::ifstream stream("docs/hardware.md");
  REQUIRE(stream);
  const std::string page(std::istreambuf_iterator<char>(stream), {});
  const std::string tables = hardware_page();
  CHECK_MESSAGE(page.ends_with(tables), "replace docs/hardware.md from '## Constants' on with:\n"
                                            << tables);
}

}  // namespace lockstep
