#include "backend/process/member.h"

#include <utility>

#include "backend/process/control.h"
#include "sim/base/require.h"

namespace lockstep::process {

Member::Member(int id, int ranks, Board& board, const RunKey& key, File listener, File control)
    : id_(id),
      ranks_(ranks),
      board_(board),
      key_(key),
      listener_(std::move(listener)),
      control_(std::move(control)) {}

void Member::report(Bytes bytes) {
  LOCKSTEP_ASSERT(!has_reported_);
  has_reported_ = true;
  if (!send_control(control_.get(), ControlKind::report, bytes)) throw Aborted();
}

void Member::note(std::string_view text) {
  text = text.substr(0, kLongestText);
  if (!send_control(control_.get(), ControlKind::note, bytes_of(text))) throw Aborted();
}

}  // namespace lockstep::process
