#include "backend/process/start.h"

#include <exception>
#include <utility>

#include "backend/process/control.h"

namespace lockstep::process {
namespace {

void start_all(const CrewOptions& options, Board& board, const Body& body, const sigset_t& mask,
               std::vector<StartedMember>& members) {
  const RunKey key = draw_key(options.run_name);
  std::vector<File> listeners;
  for (int m = 0; m < board.members(); ++m) listeners.push_back(listen_as(key, m));
  for (int m = 0; m < board.members(); ++m) {
    ControlPair control = make_control_pair();
    Member member(m, options.ranks, board, key, std::move(listeners[static_cast<std::size_t>(m)]),
                  std::move(control.member));
    members.push_back({fork_member(member, body, mask), std::move(control.coordinator)});
  }
}

}  // namespace

Started start_members(const CrewOptions& options, Board& board, const Body& body,
                      const sigset_t& mask) {
  Started started;
  try {
    start_all(options, board, body, mask, started.members);
  } catch (const AddressInUse& error) {
    started.failure = {Cause::address_in_use, -1, -1, 0, error.what(), {}};
  } catch (const std::exception& error) {
    started.failure = {Cause::cannot_start, -1, -1, 0, error.what(), {}};
  }
  return started;
}

}  // namespace lockstep::process
