// Reads the text that Python prints for a dataclass: Name(field='text', other=[1, 2], ...).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct PythonValue {
  enum class Kind : std::uint8_t {
    none,    // None
    truth,   // True or False: `text` is "true" or "false"
    scalar,  // a number, or a text without its quotes and escapes
    list,    // a list or tuple of numbers and texts: `items`
    other,   // a dict, a nested list, another object: `text` as it was printed
  };
  Kind kind = Kind::none;
  std::string text;
  std::vector<std::string> items;
};

struct PythonArgument {
  std::string name;
  PythonValue value;
};

struct PythonCall {
  std::vector<PythonArgument> arguments;  // those that are whole
  bool closed = false;                    // the bracket that closes the call was there
  bool elided = false;                    // "..." stands for arguments that were left out
  std::size_t end = 0;                    // characters read
};

// `text` begins behind the call's opening bracket. What is read ends at the closing bracket, at the
// end, or at the first thing that is no argument. Line ends are skipped, wherever a terminal or a
// paste has put them. Takes time in proportion to the text, however deeply it nests.
PythonCall read_python_call(std::string_view text);

}  // namespace lockstep
