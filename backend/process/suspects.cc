#include "backend/process/suspects.h"

#include <algorithm>
#include <utility>

#include "sim/base/require.h"

namespace lockstep::process {
namespace {

bool blames_a_peer(const Accusation& accusation) { return accusation.peer >= 0; }

}  // namespace

void Suspects::add(Accusation accusation) { accusations_.push_back(std::move(accusation)); }

bool Suspects::is_certain() const {
  return std::ranges::any_of(accusations_, [](const auto& a) { return !blames_a_peer(a); });
}

bool Suspects::is_accused(int member) const {
  return std::ranges::find(accusations_, member, &Accusation::member) != accusations_.end();
}

int Suspects::weight(const Accusation& accusation) const {
  if (!blames_a_peer(accusation)) return 3;
  if (accusation.cause != Cause::peer_gone) return 2;
  return is_accused(accusation.peer) ? 0 : 1;
}

const Accusation& Suspects::best() const {
  LOCKSTEP_ASSERT(!empty());
  return *std::ranges::max_element(accusations_, {}, [this](const auto& a) { return weight(a); });
}

}  // namespace lockstep::process
