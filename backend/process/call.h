// The caller's half of the handshake between two members: connects to a peer of lower id and shows
// the caller's half of the secret; the peer's answer shows the other.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <span>

#include "backend/process/member.h"
#include "backend/process/wire.h"

namespace lockstep::process {

using Socket = boost::asio::local::stream_protocol::socket;

// Connects and greets. The socket blocks. Blocks itself while the peer's queue of callers is full.
// Throws PeerGone if nobody listens, ProtocolError if it is a process of another user,
// std::system_error if there is no socket.
Socket call(boost::asio::io_context& io, const Member& member, int peer);

// Throws ProtocolError if who answered does not know the secret, TurnedAway if it says no.
void check_answer(const Member& member, int peer,
                  std::span<const std::byte, kGreetingBytes> answer);

}  // namespace lockstep::process
