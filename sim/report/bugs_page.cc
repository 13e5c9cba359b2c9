#include "sim/report/bugs_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

// A2 before A10, and what is outside the catalogue last.
std::tuple<bool, char, long long> order_of(const std::string& id) {
  if (id == kOutside || id.empty()) return {true, '\0', 0};
  return {false, id.front(), parse_integer(id.substr(1)).value_or(0)};
}

// The text of a table's cell, on one line.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') escaped += '\\';
    escaped += c == '\n' || c == '\r' ? ' ' : c;
  }
  return escaped;
}

std::string source_links(const std::vector<std::string>& sources) {
  std::vector<std::string> links;
  for (const std::string& source : sources) {
    const std::size_t mark = source.find('#');
    links.push_back(fmt::format("[{}](https://github.com/{}/issues/{})", source,
                                source.substr(0, mark), source.substr(mark + 1)));
  }
  return join(links, ", ");
}

std::string file_link(const std::string& file) {
  const std::filesystem::path path(file);
  return fmt::format("[{}]({}{})", path.stem().string(), path.is_absolute() ? "" : "../", file);
}

// "double-reduction, x8"; "holds" where nothing is violated.
std::string found(const BugFile& file) {
  if (!file.first) return to_string(file.verdict);
  const std::string code = to_string(file.first->code);
  if (!file.first->factor) return code;
  return fmt::format("{}, x{}", code, to_string(*file.first->factor));
}

// "fix, 2 neighbours": what must hold beside the bug.
std::string controls(const std::vector<Patch>& patches) {
  const auto is_fix = [](const Patch& patch) { return patch.variant.kind == Variant::Kind::fixed; };
  const auto fixes = std::ranges::count_if(patches, is_fix);
  const auto neighbours = static_cast<std::ptrdiff_t>(patches.size()) - fixes;
  std::string text = fixes > 0 ? "fix" : "";
  if (neighbours > 0) {
    text += fmt::format("{}{} neighbour{}", text.empty() ? "" : ", ", neighbours,
                        neighbours == 1 ? "" : "s");
  }
  return text;
}

std::string row(const BugFile& file) {
  const Bug& bug = file.bug;
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", bug.id, cell(bug.system),
                     source_links(bug.sources), file_link(file.file), found(file), cell(bug.effect),
                     cell(bug.symptom.value_or("")), controls(file.patches),
                     cell(bug.partly.value_or("")));
}

std::string heading(std::string family) {
  if (!family.empty() && family[0] >= 'a' && family[0] <= 'z') {
    family[0] = static_cast<char>(family[0] - 'a' + 'A');
  }
  return fmt::format("\n## {}\n\n", family);
}

// The families in the order of their first file.
std::string tables(const std::vector<BugFile>& files) {
  std::vector<std::string> families;
  for (const BugFile& file : files) {
    const bool is_new = std::ranges::find(families, file.bug.family) == families.end();
    if (is_new) families.push_back(file.bug.family);
  }
  std::string text;
  for (const std::string& family : families) {
    text += heading(family);
    text +=
        "| id | system | source | file | found | effect | symptom "
        "| controls | left out |\n|---|---|---|---|---|---|---|---|---|\n";
    for (const BugFile& file : files) {
      if (file.bug.family == family) text += row(file);
    }
  }
  return text;
}

std::string not_said_table(const std::vector<NotSaid>& entries) {
  if (entries.empty()) return {};
  std::string text = heading("what cannot be said");
  text += "| id | system | source | missing |\n|---|---|---|---|\n";
  for (const NotSaid& entry : entries) {
    text += fmt::format("| {} | {} | {} | {} |\n", entry.id, cell(entry.system),
                        source_links(entry.sources), cell(entry.missing));
  }
  return text;
}

std::string introduction(const std::vector<BugFile>& files, const std::vector<NotSaid>& not_said) {
  std::set<std::string> whole;
  std::set<std::string> partly;
  std::set<std::vector<std::string>> outside;
  for (const BugFile& file : files) {
    if (file.bug.id == kOutside) {
      outside.insert(file.bug.sources);
    } else {
      (file.bug.partly ? partly : whole).insert(file.bug.id);
    }
  }
  for (const std::string& id : whole) partly.erase(id);
  std::set<std::string> missing;
  for (const NotSaid& entry : not_said) missing.insert(entry.id);
  return fmt::format(
      "# Bugs\n\n"
      "Communication bugs that were published, as files that anybody can run again. "
      "`lockstep test scenarios/bugs --page docs/bugs.md` writes this page from the files below "
      "`scenarios/bugs`: *found* is what `lockstep check` finds, *controls* are the edits in the "
      "same file after which it holds (docs/scenario_format.md). Effect and symptom are what was "
      "published, shortened; an effect that was not is marked as inferred.\n\n"
      "| bugs, each counted once | |\n|---|---|\n"
      "| cause and effect are said by a file | {} |\n"
      "| said in part: the file leaves out a part of the cause | {} |\n"
      "| cannot be said yet | {} |\n"
      "| from outside the catalogue | {} |\n",
      whole.size(), partly.size(), missing.size(), outside.size());
}

Diagnostic fault_in(const std::string& file, std::string message, std::string hint) {
  Diagnostic fault;
  fault.place.file = file;
  fault.message = std::move(message);
  fault.hint = std::move(hint);
  return fault;
}

Diagnostics contradictions(const std::vector<BugFile>& files,
                           const std::vector<NotSaid>& not_said) {
  Diagnostics faults;
  std::map<char, const BugFile*> first_of;  // by the letter of the id
  for (const BugFile& file : files) {
    const Bug& bug = file.bug;
    if (std::ranges::find(not_said, bug.id, &NotSaid::id) != not_said.end()) {
      faults.push_back(fault_in(file.file,
                                fmt::format("{} is said here, and is in the list of what "
                                            "cannot be said",
                                            bug.id),
                                "take it out of the list"));
    }
    if (bug.id == kOutside) continue;
    const BugFile& first = *first_of.emplace(bug.id.front(), &file).first->second;
    if (first.bug.family == bug.family) continue;
    faults.push_back(
        fault_in(file.file,
                 fmt::format("the family of {} is '{}', and that of {} in {} is '{}'", bug.id,
                             bug.family, first.bug.id, first.file, first.bug.family),
                 "call the family by one name"));
  }
  return faults;
}

}  // namespace

Result<std::string> bugs_page(std::vector<BugFile> files, std::vector<NotSaid> not_said) {
  std::ranges::sort(files, {}, [](const BugFile& file) {
    return std::tuple(order_of(file.bug.id), file.bug.family, file.file);
  });
  std::ranges::sort(not_said, {}, [](const NotSaid& entry) {
    return std::tuple(order_of(entry.id), entry.sources);
  });
  Diagnostics faults = contradictions(files, not_said);
  if (!faults.empty()) return faults;
  return introduction(files, not_said) + tables(files) + not_said_table(not_said);
}

}  // namespace lockstep
