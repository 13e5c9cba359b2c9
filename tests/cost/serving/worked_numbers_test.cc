// The worked numbers of docs/cost_models_serving.md.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <numeric>
#include <string>

#include "sim/base/text.h"
#include "sim/cost/cost_model.h"
#include "sim/cost/hardware_file.h"

namespace lockstep {
namespace {

const std::map<std::string, Collective> kKinds{{"all_reduce", Collective::all_reduce},
                                               {"all_gather", Collective::all_gather},
                                               {"dispatch", Collective::dispatch},
                                               {"combine", Collective::combine}};

// "8 ranks", "1024 bytes": its number and its unit.
std::pair<long long, std::string> counted(const std::string& text) {
  const std::vector<std::string> words = split(text, ' ');
  REQUIRE(words.size() == 2);
  const auto number = parse_integer(words[0]);
  REQUIRE(number.has_value());
  return {*number, words[1]};
}

void give_tokens(CollectiveCall& call, long long tokens) {
  call.tokens = tokens;
  call.experts = 256;
  call.experts_per_token = 8;
  const bool fp8 = call.kind == Collective::dispatch && call.library == "deepep";
  call.element_bytes = fp8 ? 1 : 2;
  call.bytes = tokens * 8 * 7168 * call.element_bytes;
}

// "kind, N ranks, N bytes, library, launch, preset".
double us(const std::string& text) {
  std::vector<std::string> parts;
  for (const std::string& part : split(text, ',')) {
    parts.push_back(part.substr(part.find_first_not_of(' ')));
  }
  REQUIRE(parts.size() == 6);
  CollectiveCall call;
  call.kind = kKinds.at(parts[0]);
  call.ranks.resize(static_cast<std::size_t>(counted(parts[1]).first));
  std::iota(call.ranks.begin(), call.ranks.end(), 0);
  call.library = parts[3];
  call.launch = parts[4] == "eager" ? LaunchStyle::eager : LaunchStyle::graph;
  const auto [size, unit] = counted(parts[2]);
  call.bytes = size;
  if (unit == "tokens") give_tokens(call, size);
  const Result<Hardware> hardware = load_hardware(parts[5]);
  REQUIRE(static_cast<bool>(hardware));
  return in_microseconds(collective_time(call, *hardware).total());
}

}  // namespace

TEST_CASE("The worked numbers of docs/cost_models_serving.md are what the models say") {
  std::ifstream page("docs/cost_models_serving.md");
  REQUIRE(page.good());
  const std::string begin = "- Worked: ";
  int worked = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with(begin)) continue;
    const std::size_t equals = line.find(" = ");
    REQUIRE(equals != std::string::npos);
    CAPTURE(line);
    const double said = std::stod(line.substr(equals + 3));
    const double told = us(line.substr(begin.size(), equals - begin.size()));
    CHECK(told == doctest::Approx(said).epsilon(0.001));
    ++worked;
  }
  CHECK(worked >= 12);
}

}  // namespace lockstep
