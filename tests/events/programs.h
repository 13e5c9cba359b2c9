// Small programs, in microseconds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/events/program.h"

namespace lockstep::test {

inline Duration us(int microseconds) {
  return Duration(static_cast<std::int64_t>(microseconds) * 1'000'000);
}

inline Program program_of(int ranks) {
  Program program;
  program.of_rank.resize(static_cast<std::size_t>(ranks));
  program.events = 4;
  return program;
}
inline void add(Program& program, int rank, const Action& action) {
  program.of_rank[static_cast<std::size_t>(rank)].push_back(action);
}
inline int communicator(Program& program, std::vector<int> members) {
  program.communicators.push_back(std::move(members));
  return static_cast<int>(program.communicators.size()) - 1;
}
inline int call(Program& program, std::string name, int duration_us) {
  program.calls.push_back({std::move(name), us(duration_us), nullptr});
  return static_cast<int>(program.calls.size()) - 1;
}

inline Action busy(int duration_us) {
  Action action;
  action.duration = us(duration_us);
  return action;
}
inline Action meet(int communicator, int call) {
  Action action;
  action.kind = ActionKind::meet;
  action.communicator = communicator;
  action.call = call;
  return action;
}
inline Action message(ActionKind kind, int peer, int other, int duration_us) {
  Action action = busy(duration_us);
  action.kind = kind;
  action.peer = peer;
  action.other = other;
  return action;
}
inline Action send(int to, int duration_us) {
  return message(ActionKind::send, to, -1, duration_us);
}
inline Action receive(int from, int duration_us) {
  return message(ActionKind::receive, from, -1, duration_us);
}
inline Action exchange(int to, int from, int duration_us) {
  return message(ActionKind::exchange, to, from, duration_us);
}
inline Action with_event(ActionKind kind, int event) {
  Action action;
  action.kind = kind;
  action.event = event;
  return action;
}
inline Action record(int event) { return with_event(ActionKind::record, event); }
inline Action wait(int event) { return with_event(ActionKind::wait, event); }

inline Action on(int stream, Action action) {
  action.stream = static_cast<std::int16_t>(stream);
  return action;
}
inline Action issued_in(int issue_us, Action action) {
  action.issue = us(issue_us);
  return action;
}

}  // namespace lockstep::test
