#include "backend/process/suspects.h"

#include <algorithm>
#include <utility>

#include "sim/base/require.h"

namespace lockstep::process {
namespace {

bool may_be_consequence(const Accusation& accusation) {
  if (accusation.cause == Cause::collective) return true;
  const bool is_of_that_kind =
      accusation.cause == Cause::peer_gone || accusation.cause == Cause::stalled;
  return is_of_that_kind && accusation.peer >= 0;
}

}  // namespace

void Suspects::add(Accusation accusation) { accusations_.push_back(std::move(accusation)); }

bool Suspects::is_certain() const { return !std::ranges::all_of(accusations_, may_be_consequence); }

bool Suspects::is_accused(int member) const {
  return std::ranges::find(accusations_, member, &Accusation::member) != accusations_.end();
}

int Suspects::weight(const Accusation& accusation) const {
  if (!may_be_consequence(accusation)) return 2;
  return accusation.peer < 0 || is_accused(accusation.peer) ? 0 : 1;
}

const Accusation& Suspects::best() const {
  LOCKSTEP_ASSERT(!empty());
  return *std::ranges::max_element(accusations_, {}, [this](const auto& a) { return weight(a); });
}

}  // namespace lockstep::process
