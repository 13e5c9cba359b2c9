// How text output looks: colours for a terminal, none elsewhere.
#pragma once

#include <string>

namespace lockstep {

struct Style {
  bool colours = false;

  std::string good(const std::string& text) const { return paint("32", text); }
  std::string bad(const std::string& text) const { return paint("1;31", text); }
  std::string strong(const std::string& text) const { return paint("1", text); }
  std::string faint(const std::string& text) const { return paint("2", text); }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return colours ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }
};

}  // namespace lockstep
