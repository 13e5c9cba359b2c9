// A scenario file of a real bug carries its controls: `fix`, a few lines that mend it, and
// `neighbours`, a few lines each that lead to a layout that is clean. Each is an edit of the parsed
// file, made before the scenario is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/yaml.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// Which form of a scenario file is meant.
struct Variant {
  enum class Kind : std::uint8_t { as_written, fixed, neighbour };

  Kind kind = Kind::as_written;
  int number = 0;  // of a neighbour, from 1
  bool operator==(const Variant&) const = default;
};

// "", " (fixed)", " (neighbour 2)": what a scenario's name ends with.
std::string suffix(const Variant& variant);

// A patch that a file has, and what it says about itself.
struct Patch {
  Variant variant;
  std::string about;
  bool operator==(const Patch&) const = default;
};

// The fix, if there is one, then the neighbours in order.
std::vector<Patch> patches_of(const Node& root);

// `document` with the edits of one of its patches, and without `bug`, `fix` and `neighbours`. Its
// `expect` is the patch's, by default {verdict: holds}, and its name ends with suffix(variant).
// Nodes keep their places, so that a fault in an inserted line points into the patch. Faults: no
// such patch; a line that is not there, or there twice; edits that exclude each other; a path that
// cannot be set.
Result<Document> patched(Document document, const Variant& variant);

// Reports the faults of all patches of `root`, but not those of paths in `set`.
void check_patches(Checker& checker, const Node& root);

}  // namespace lockstep
