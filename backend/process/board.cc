#include "backend/process/board.h"

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <system_error>

#include "sim/base/require.h"

namespace lockstep::process {

Board::Board(int members) : members_(members) {
  LOCKSTEP_ASSERT(members >= 1);
  void* page = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "shared memory for the members");
  }
  slots_ = static_cast<Slot*>(page);
  for (int m = 0; m < members; ++m) new (&slots_[m]) Slot;
}

Board::~Board() { munmap(slots_, bytes()); }

Position Board::position(int member) const {
  const Slot& s = slot(member);
  return {s.state, s.operation, s.peer, s.communicator, s.beats, s.pid};
}

std::uint64_t Board::beats() const {
  std::uint64_t sum = 0;
  for (int m = 0; m < members_; ++m) sum += slot(m).beats;
  return sum;
}

void Board::enter(int member, pid_t pid) { slot(member).pid = pid; }

void Board::join(int member, int peer) {
  slot(member).peer = peer;
  slot(member).state = State::joining;
}

void Board::start_operation(int member, int operation) {
  slot(member).operation = operation;
  go_on(member);
}

void Board::wait(int member, int peer, std::uint32_t communicator) {
  Slot& s = slot(member);
  s.peer.store(peer, std::memory_order_relaxed);
  s.communicator.store(communicator, std::memory_order_relaxed);
  s.state.store(State::waiting, std::memory_order_relaxed);
}

void Board::go_on(int member) {
  slot(member).state.store(State::computing, std::memory_order_relaxed);
  beat(member);
}

void Board::finish(int member) {
  slot(member).state = State::done;
  beat(member);
}

// Only the member itself adds: a load and a store are enough.
void Board::beat(int member) {
  std::atomic<std::uint64_t>& beats = slot(member).beats;
  beats.store(beats.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace lockstep::process
