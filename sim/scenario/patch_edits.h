// What one patch of a scenario file says: edits of the program's lines, by their names.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/yaml.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// What edits of one kind say, by the name of the line; the nodes are the patch's.
using LineEdits = std::map<std::string, const Node*>;

struct Edits {
  LineEdits removed;   // to the name in the patch
  LineEdits replaced;  // to a line
  LineEdits before;    // to a list of lines
  LineEdits after;
};

// The `name` of a line of a program, or of a scenario; nullptr if it has none.
const Node* name_of(const Node& line);

// Reads the patches of one scenario file; every fault is reported at its place.
class PatchReader {
 public:
  // Both must outlive the reader.
  PatchReader(Checker& checker, const Node& root);

  // The edits of `patch`, a map with the keys of `fix`. Checks all but `expect` and whether the
  // paths of `set` lead anywhere. Not to be applied if there are faults.
  Edits read(const Node& patch);

 private:
  // The lines of a program by their `name`.
  using LinesByName = std::map<std::string, std::vector<const Node*>>;

  static void collect(const Node& lines, LinesByName& named);
  bool too_many() const;
  bool is_one_line(const Node& name);
  void check_set(const Node& patch);
  void read_removed(const Node& patch, LineEdits& removed);
  void read_edit(const Node& patch, std::string_view key, Node::Kind kind, LineEdits& edit);
  void check_exclusions(const Edits& edits);
  void check_inside(const std::string& outer, const Edits& edits);

  Checker& checker_;
  const Node* program_;
  LinesByName named_;
  std::vector<std::string> names_;
  LineEdits places_;  // of the names in the patch that is read
};

}  // namespace lockstep
