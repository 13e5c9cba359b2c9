// What a process of the crew knows of itself.
#pragma once

#include <string>
#include <string_view>

#include "backend/process/board.h"
#include "backend/process/error.h"
#include "backend/process/file.h"
#include "backend/process/run_key.h"
#include "backend/process/wire.h"

namespace lockstep::process {

class Member {
 public:
  // `board` and `key` must outlive it. `listener`: at address_of(key, id); `control`: its end of
  // the connection with the coordinator.
  Member(int id, int ranks, Board& board, const RunKey& key, File listener, File control);

  int id() const { return id_; }
  int ranks() const { return ranks_; }
  int members() const { return board_.members(); }  // ranks, and perhaps the observer after them
  bool is_observer() const { return id_ == ranks_; }
  std::string name() const { return name_of(id_, ranks_); }
  std::string name_of_member(int member) const { return name_of(member, ranks_); }

  // Says where it is. Whatever it waits for is said by the mesh.
  void start_operation(int operation) { board_.start_operation(id_, operation); }
  // Says that it works, in an operation that may take as long as CrewOptions::progress_limit.
  void beat() { board_.beat(id_); }

  // Its last words: the bytes that the coordinator gets. At most once, at most
  // CrewOptions::report_bytes; without them the report is empty.
  void report(Bytes bytes);
  bool has_reported() const { return has_reported_; }
  // Something that the coordinator should know and that stops nothing.
  void note(std::string_view text);

  // For the mesh.
  Board& board() { return board_; }
  const RunKey& key() const { return key_; }
  int control() const { return control_.get(); }
  int listener() const { return listener_.get(); }

 private:
  int id_;
  int ranks_;
  Board& board_;
  const RunKey& key_;
  File listener_;
  File control_;
  bool has_reported_ = false;
};

}  // namespace lockstep::process
