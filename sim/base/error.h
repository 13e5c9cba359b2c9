// Errors for the person who reads them: where, what, what was expected, what to do.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sim/base/require.h"

namespace lockstep {

// A position in an input file. `line` and `column` count from 1; 0 means "unknown".
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  bool operator==(const Place&) const = default;
};

// One fault in an input. `path` names the key (`parallel.dp_size`) where the place is not yet
// known: the scenario layer, which knows where each key stands, fills `place` and `source_line` in.
struct Diagnostic {
  Place place;
  std::string path;
  std::string message;      // what is wrong and what was expected
  std::string source_line;  // the line itself, without its end
  std::string hint;         // what to do: the nearest known name, the flag to change
  bool unknown = false;     // no fault of the input: a fact that nobody knows

  bool operator==(const Diagnostic&) const = default;
};

using Diagnostics = std::vector<Diagnostic>;

// A fault that stands in no file, as of a command line; and one of the key that `path` names.
Diagnostic plain_fault(std::string message, std::string hint = {});
Diagnostic path_fault(std::string path, std::string message, std::string hint = {});

// True if nothing is wrong with the input, but facts are missing: the answer is `unknown`.
bool only_unknown(const Diagnostics& diagnostics);

// `file:line:column: error: message`, the source line with a caret below the column, and the hint.
// Always ends in a newline.
std::string to_string(const Diagnostic& diagnostic);
std::string to_string(const Diagnostics& diagnostics);

// A value or the faults that prevented it; never both, never neither (`faults()` is not empty).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::move(value)) {}             // NOLINT(*-explicit-*)
  Result(Diagnostics faults) : held_(std::move(faults)) {  // NOLINT(*-explicit-*)
    LOCKSTEP_ASSERT(!std::get<Diagnostics>(held_).empty());
  }
  Result(Diagnostic fault) : held_(Diagnostics{std::move(fault)}) {}  // NOLINT(*-explicit-*)

  explicit operator bool() const { return std::holds_alternative<T>(held_); }
  T& operator*() & { return get(); }
  T&& operator*() && { return std::move(get()); }
  const T& operator*() const& { return get(); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &get(); }
  const Diagnostics& faults() const { return std::get<Diagnostics>(held_); }

 private:
  T& get() {
    LOCKSTEP_ASSERT(std::holds_alternative<T>(held_));
    return std::get<T>(held_);
  }
  const T& get() const {
    LOCKSTEP_ASSERT(std::holds_alternative<T>(held_));
    return std::get<T>(held_);
  }

  std::variant<T, Diagnostics> held_;
};

}  // namespace lockstep
