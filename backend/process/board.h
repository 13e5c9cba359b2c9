// A page of memory that the coordinator shares with its members: where each of them stands. Written
// by the member itself, read when something has happened. A diagnosis, never a synchronisation.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lockstep::process {

enum class State : std::uint32_t {
  starting,   // the process may not even run yet
  joining,    // waits for its peers to connect
  computing,  // whatever is not waiting
  waiting,    // in a call, for a peer
  done,       // has sent its report
};

// What a slot of the board says. The fields are read one by one: of a running member they need not
// belong to the same moment.
struct Position {
  State state = State::starting;
  int operation = -1;              // -1: none yet
  int peer = -1;                   // whom it waits for; -1: nobody in particular
  std::uint32_t communicator = 0;  // on which it waits
  std::uint64_t beats = 0;         // grows with everything it gets done
  pid_t pid = 0;                   // 0: not started
};

// Shared by the processes that are forked while it exists (mmap, MAP_SHARED, no name).
class Board {
 public:
  // Throws std::system_error if there is no memory. REQUIRES: members >= 1.
  explicit Board(int members);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  int members() const { return members_; }
  Position position(int member) const;
  pid_t pid(int member) const { return slot(member).pid.load(); }
  std::uint64_t beats() const;  // of all members together

  // To be called in the process of `member`; enter() by its parent, too, whoever comes first.
  void enter(int member, pid_t pid);
  void join(int member, int peer);
  void start_operation(int member, int operation);
  void wait(int member, int peer, std::uint32_t communicator);
  void go_on(int member);
  void finish(int member);
  void beat(int member);

 private:
  struct alignas(64) Slot {
    std::atomic<State> state = State::starting;
    std::atomic<int> operation = -1;
    std::atomic<int> peer = -1;
    std::atomic<std::uint32_t> communicator = 0;
    std::atomic<std::uint64_t> beats = 0;
    std::atomic<pid_t> pid = 0;
  };
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "needed between processes");

  Slot& slot(int member) { return slots_[static_cast<std::size_t>(member)]; }
  const Slot& slot(int member) const { return slots_[static_cast<std::size_t>(member)]; }
  std::size_t bytes() const { return static_cast<std::size_t>(members_) * sizeof(Slot); }

  int members_;
  Slot* slots_ = nullptr;
};

}  // namespace lockstep::process
