// docs/hardware.md: every constant of the hardware files, what the presets have, and where from.
#pragma once

#include <string>

namespace lockstep {

// The tables of the page, in Markdown.
std::string hardware_page();

}  // namespace lockstep
