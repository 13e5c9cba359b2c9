#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/base/text.h"
#include "tools/commands.h"
#include "tools/lessons.h"

namespace lockstep::tools {
namespace {

int list_codes() {
  for (const Lesson& lesson : lessons())
    print(fmt::format("{:<22}{}\n", lesson.code, lesson.meaning));
  return kGood;
}

int run_explain(const std::string& code) {
  if (code.empty()) return list_codes();
  const auto found = std::ranges::find(lessons(), code, &Lesson::code);
  if (found == lessons().end()) {
    std::vector<std::string> known;
    for (const Lesson& lesson : lessons()) known.emplace_back(lesson.code);
    const auto near = nearest(code, known);
    return fail({{{},
                  "",
                  fmt::format("{}: no such code", code),
                  "",
                  near ? "did you mean " + *near + "?" : "one of " + join(known, ", ")}});
  }
  const Style style = style_of(stdout);
  print(fmt::format("{}\n  {}\n  cause   {}\n  effect  {}\n\n", style.strong(code), found->meaning,
                    found->cause, found->effect));
  print(
      fmt::format("The smallest program that shows it (save it, then: lockstep check FILE):\n\n{}",
                  lesson_program(code)));
  return kGood;
}

}  // namespace

void add_explain(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("explain", "what a code means, with the smallest example");
  auto code = std::make_shared<std::string>();
  command->add_option("CODE", *code, "a violation's code; without it, all codes are listed");
  command->footer("example:\n  lockstep explain double-reduction");
  command->callback([code, &run] { run = [code] { return run_explain(*code); }; });
}

}  // namespace lockstep::tools
