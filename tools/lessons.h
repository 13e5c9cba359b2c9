// What each code means, and the smallest plan that shows it.
#pragma once

#include <span>
#include <string_view>

namespace lockstep::tools {

struct Lesson {
  std::string_view code;
  std::string_view meaning;
  std::string_view cause;
  std::string_view effect;
};

// One for each code that the checker can give, in the order in which it tries them.
std::span<const Lesson> lessons();

// The text of scenarios/lessons/CODE.yaml; empty if there is none.
std::string_view lesson_program(std::string_view code);

}  // namespace lockstep::tools
