// docs/bugs.md: every bug of the catalogue that a scenario shows, with what the checker finds, and
// every one that none can show yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/contract/check.h"
#include "sim/scenario/bug.h"
#include "sim/scenario/patch.h"

namespace lockstep {

// A scenario file with a `bug`, and what was found in it.
struct BugFile {
  std::string file;  // from the root of the repository
  Bug bug;
  contract::Verdict verdict = contract::Verdict::unknown;
  std::optional<contract::Violation> first;
  std::vector<Patch> patches;
};

// The page as Markdown, with links as from a folder below the root. A table per family; families
// are ordered by their first id, rows by id (A2 before A10, `outside` last), then file. Faults: an
// id that both a file and `not_said` have, and a letter of the catalogue with two families.
Result<std::string> bugs_page(std::vector<BugFile> files, std::vector<NotSaid> not_said);

}  // namespace lockstep
