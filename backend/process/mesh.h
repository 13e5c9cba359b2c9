// Connections among the members of a crew, and messages over them. docs/processes.md tells the
// whole.
//
// Every member listens at an abstract Unix socket; of two peers the one of higher id connects to
// the other. Both show their half of the run's secret, and the kernel says whose process calls. Who
// does not know the secret is dropped within `greeting`, gets no byte, and disturbs nothing.
//
// Calls block, but for send(); meanwhile whatever arrives from other peers is taken care of. Every
// wait ends when the coordinator ends the run (Aborted).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/process/error.h"
#include "backend/process/member.h"
#include "backend/process/wire.h"

namespace lockstep::process {

struct MeshLimits {
  std::size_t frame_bytes = std::size_t{1} << 32;    // of a payload; a larger one is an error
  std::size_t mailbox_bytes = std::size_t{1} << 24;  // of frames that came early, per peer
  std::size_t unsent_bytes = std::size_t{1} << 20;   // that send() keeps, per peer
  std::chrono::milliseconds greeting{1000};          // for a caller to prove who it is
  int callers = 32;  // who have not yet; then the one that waits longest is dropped
  std::chrono::milliseconds wait{0};  // for any one wait; 0: the coordinator watches, not we
  int socket_bytes = 1 << 20;         // the kernel's buffer for what a peer has not yet read
};

// Between a pair of members, frames of one communicator are asked for in the order in which they
// were sent: the next one of that communicator must be the one asked for, to the last field of its
// tag, or ProtocolError is thrown. Frames of other communicators wait in a mailbox. What does not
// fit in there stays with its sender; asking for a frame behind it is a ProtocolError.
//
// After an exception the connections concerned are closed; others go on.
class Mesh {
 public:
  // Connects to `peers`, each of which must name this member as its peer, and waits until all are
  // there. `member` must outlive it. REQUIRES: ids of other members, no duplicates.
  // Throws TurnedAway, ProtocolError, PeerGone, Aborted, std::system_error.
  Mesh(Member& member, const std::vector<int>& peers, const MeshLimits& limits = {});
  // Closes all. What send() has kept is lost: flush() first.
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  // Sends; `payload` is free afterwards. Returns at once if at most `unsent_bytes` are kept for
  // that peer then; else when all is sent. Throws PeerGone.
  void send(int peer, const Tag& tag, Bytes payload);
  // Waits until nothing is kept. Throws PeerGone.
  void flush();

  // Waits for a frame with exactly that payload size. Throws ProtocolError, PeerGone.
  void receive_into(int peer, const Tag& tag, std::span<std::byte> payload);
  std::vector<std::byte> receive(int peer, const Tag& tag, std::size_t bytes);
  // The same with a size that only the sender knows, at most `limit`.
  std::vector<std::byte> receive_up_to(int peer, const Tag& tag, std::size_t limit);

  // A round of a collective: sends to one peer and receives from another, or the same, both at once
  // and straight from and into the caller's memory. Either half may be absent. Returns when both
  // are done. The two payloads must not overlap.
  struct Outgoing {
    int peer = -1;  // -1: nothing is sent
    Tag tag;
    Bytes payload;
  };
  struct Incoming {
    int peer = -1;  // -1: nothing is received
    Tag tag;
    std::span<std::byte> payload;
  };
  void send_receive(const Outgoing& outgoing, const Incoming& incoming);

  // The next frame of any peer and tag: for one who serves several. Peers that have gone are passed
  // over; throws PeerGone when all have. REQUIRES: a peer.
  struct Message {
    int peer = -1;
    Tag tag;
    std::vector<std::byte> payload;
  };
  Message receive_next();

  // Payload bytes passed to send() and send_receive() for that peer. REQUIRES: a peer.
  std::uint64_t bytes_sent(int peer) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::process
