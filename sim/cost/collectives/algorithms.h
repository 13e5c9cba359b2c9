// The algorithms of collectives: what each sends (a Schedule, for the `messages` fidelity), and how
// long it takes (a closed form). One file each; docs/cost_models.md derives the formulas.
//
// Time is Hockney's: a message of b bytes takes L + b / C, L the latency and C the rate of a hop,
// and ranks send and receive at once. The arithmetic of a reduction takes none: it runs at the rate
// of the memory, many times that of any link, while the next bytes arrive.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sim/cost/collective_call.h"
#include "sim/cost/collectives/messages.h"
#include "sim/cost/collectives/topology.h"

namespace lockstep {

struct ClosedForm {
  // How the messages, run one by one from a common start, compare with the formula.
  enum class Holds : std::uint8_t {
    exactly,   // the same picosecond
    at_most,   // they take no longer
    at_least,  // they take no less
  };
  Duration time{};
  std::int64_t messages = 0;
  Holds holds = Holds::exactly;
};

// REQUIRES of the functions: as many ranks in `call` as in `topology`, and, of the last two,
// refusal(algorithm, call, topology) is empty.
struct Algorithm {
  std::string_view name;
  std::span<const Collective> kinds;
  std::string_view about;         // what it does, in a few words
  std::string_view precondition;  // which groups it serves
  // Why it cannot serve a call of its kinds; "" if it can.
  std::string (*refuses)(const CollectiveCall& call, const Topology& topology);
  std::unique_ptr<const CollectiveSchedule> (*schedule)(const CollectiveCall& call,
                                                        const Topology& topology);
  ClosedForm (*closed_form)(const CollectiveCall& call, const Topology& topology);
  bool crosses_nodes = false;  // the closed form holds on several nodes, too
  int switches = 0;            // parties of its schedule behind the ranks
};

// All of them, in the order of the documentation.
std::span<const Algorithm* const> algorithms();
// Null if there is none of that name.
const Algorithm* find_algorithm(std::string_view name);

// Why `algorithm` cannot serve `call` on `topology`, as a sentence for whoever asked; "" if it can.
std::string refusal(const Algorithm& algorithm, const CollectiveCall& call,
                    const Topology& topology);
// Why there is no closed form though the algorithm serves; "" if there is one.
std::string formula_refusal(const Algorithm& algorithm, const Topology& topology);

}  // namespace lockstep
