// What ends a member's waits early, as exceptions. Texts are for people and name ranks.
#pragma once

#include <stdexcept>
#include <string>

namespace lockstep::process {

// "rank 3", or "the observer": the one member beside `ranks` ranks, if there is one.
std::string name_of(int member, int ranks);

// The coordinator has closed this member's control connection: the run is over.
class Aborted : public std::runtime_error {
 public:
  Aborted() : std::runtime_error("the coordinator ended the run") {}
};

// Somebody listens at an address of the run already.
class AddressInUse : public std::runtime_error {
 public:
  explicit AddressInUse(const std::string& address);
};

// A fault of the connection with `peer`.
class PeerError : public std::runtime_error {
 public:
  PeerError(int peer, const std::string& text) : std::runtime_error(text), peer_(peer) {}
  int peer() const { return peer_; }

 private:
  int peer_;
};

// The peer has closed the connection between two frames, or was never there.
class PeerGone : public PeerError {
  using PeerError::PeerError;
};

// The peer sent what does not belong here: no frame, another frame than the one expected, a larger
// one than is allowed.
class ProtocolError : public PeerError {
  using PeerError::PeerError;
};

// The connection ended in the middle of a frame.
class Truncated : public ProtocolError {
  using ProtocolError::ProtocolError;
};

// Another process is that member already, or the peer does not expect this one.
class TurnedAway : public PeerError {
  using PeerError::PeerError;
};

// MeshLimits::wait went by.
class TimedOut : public PeerError {
  using PeerError::PeerError;
};

// A collective that a library carries out (NCCL) did not come to its end. Whose fault that is is
// not known: where one member dies the others see this, or wait until they give up.
class CollectiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lockstep::process
