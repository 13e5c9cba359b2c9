#include "backend/process/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "backend/process/error.h"
#include "sim/base/rank_set.h"

namespace lockstep::process {
namespace {

constexpr std::size_t kLongestChain = 8;  // members of a chain that are told one by one

const Position& at(const std::vector<Position>& seen, int member) {
  return seen[static_cast<std::size_t>(member)];
}

bool is_waiting(const Position& position) {
  return position.peer >= 0 &&
         (position.state == State::waiting || position.state == State::joining);
}

// `first`, whom it waits for, whom that one waits for ...; the last either waits for nobody or for
// one that is in the chain.
std::vector<int> chain_from(int first, const std::vector<Position>& seen) {
  std::vector<int> chain{first};
  while (is_waiting(at(seen, chain.back()))) {
    const int next = at(seen, chain.back()).peer;
    if (std::ranges::find(chain, next) != chain.end()) break;
    chain.push_back(next);
  }
  return chain;
}

std::vector<int> waiting_for(int member, const std::vector<Position>& seen) {
  std::vector<int> found;
  for (int m = 0; m < static_cast<int>(seen.size()); ++m) {
    const std::vector<int> chain = chain_from(m, seen);
    if (m != member && std::ranges::find(chain, member) != chain.end()) found.push_back(m);
  }
  return found;
}

std::string place(int operation, const Naming& naming) {
  if (operation < 0) return {};
  std::string text = fmt::format(" at operation {}", operation);
  if (naming.operation) text += fmt::format(" ({})", naming.operation(operation));
  return text;
}

// "ranks 0-2 and the observer"
std::string names_of(const std::vector<int>& members, const Naming& naming) {
  std::vector<int> ranks = members;
  const bool observer = !ranks.empty() && ranks.back() == naming.ranks;
  if (observer) ranks.pop_back();
  if (ranks.empty()) return observer ? name_of(naming.ranks, naming.ranks) : std::string();
  const std::string text =
      fmt::format("{} {}", ranks.size() == 1 ? "rank" : "ranks", to_string(RankSet::of(ranks)));
  return observer ? text + " and " + name_of(naming.ranks, naming.ranks) : text;
}

std::string wait_text(int member, const std::vector<Position>& seen, const Naming& naming) {
  const Position& position = at(seen, member);
  std::string text =
      fmt::format("{} waits for {}{}", name_of(member, naming.ranks),
                  name_of(position.peer, naming.ranks), place(position.operation, naming));
  const Position& peer = at(seen, position.peer);
  if (peer.state == State::done) text += ", which is done";
  if (peer.state == State::waiting && peer.peer < 0) text += ", which waits for anybody";
  return text;
}

std::string chain_text(const std::vector<int>& chain, const std::vector<Position>& seen,
                       const Naming& naming) {
  std::vector<std::string> links;
  for (const int member : chain) {
    if (is_waiting(at(seen, member))) links.push_back(wait_text(member, seen, naming));
  }
  const std::size_t told = std::min(links.size(), kLongestChain);
  std::string text = fmt::format("{}", fmt::join(std::span(links).first(told), ", "));
  if (links.size() > told) text += fmt::format(", and so on, {} more", links.size() - told);
  return text;
}

// The circle that `first` is in or leads to, from its lowest member; without one, the chain.
std::vector<int> circle_or_chain(int first, const std::vector<Position>& seen) {
  std::vector<int> chain = chain_from(first, seen);
  if (!is_waiting(at(seen, chain.back()))) return chain;
  chain = chain_from(at(seen, chain.back()).peer, seen);
  std::ranges::rotate(chain, std::ranges::min_element(chain));
  return chain;
}

}  // namespace

std::string to_string(Cause cause) {
  constexpr std::string_view kNames[] = {
      "killed",       "exited",     "threw",      "stopped",     "late",
      "stalled",      "protocol",   "peer-gone",  "turned-away", "address-in-use",
      "cannot-start", "collective", "interrupted"};
  return std::string(kNames[static_cast<std::size_t>(cause)]);
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

Accusation accuse_of_standstill(const std::vector<Position>& seen, double seconds,
                                const Naming& naming) {
  const auto first = [&](auto is_one) {
    const auto found = std::ranges::find_if(seen, is_one);
    return found == seen.end() ? -1 : static_cast<int>(found - seen.begin());
  };
  const std::string idle = fmt::format("did nothing for {:g} s", seconds);
  const auto accuse = [&](int member, std::string detail) {
    return Accusation{Cause::stalled, member, -1, 0, idle, std::move(detail)};
  };
  const int working = first([](const Position& position) {
    return position.state == State::starting || position.state == State::computing;
  });
  if (working >= 0) return accuse(working, {});
  const int waiting = first(is_waiting);
  if (waiting < 0) return accuse(first([](const auto& p) { return p.state != State::done; }), {});
  const std::vector<int> chain = circle_or_chain(waiting, seen);
  return accuse(chain.front(), chain_text(chain, seen, naming));
}

Failure describe(const Accusation& accusation, std::vector<Position> seen, const Naming& naming) {
  Failure failure;
  failure.cause = accusation.cause;
  failure.member = accusation.member;
  failure.peer = accusation.peer;
  failure.number = accusation.number;
  failure.text = accusation.what;
  if (failure.member >= 0) {
    failure.operation = at(seen, failure.member).operation;
    failure.waiting = waiting_for(failure.member, seen);
    if (failure.peer < 0) failure.text.insert(0, name_of(failure.member, naming.ranks) + " ");
    failure.text += place(failure.operation, naming);
  }
  if (!accusation.detail.empty()) failure.text += ": " + accusation.detail;
  if (!failure.waiting.empty()) {
    failure.text += fmt::format("; {} waited for it", names_of(failure.waiting, naming));
  }
  const bool peer_is_known = failure.peer >= 0 && failure.peer < static_cast<int>(seen.size());
  if (peer_is_known && at(seen, failure.peer).state == State::done) {
    failure.text += fmt::format("; {} was done", name_of(failure.peer, naming.ranks));
  }
  failure.seen = std::move(seen);
  return failure;
}

}  // namespace lockstep::process
