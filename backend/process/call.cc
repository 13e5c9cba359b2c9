#include "backend/process/call.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace lockstep::process {

namespace asio = boost::asio;
using boost::system::error_code;

Socket call(asio::io_context& io, const Member& member, int peer) {
  const std::string address = address_of(member.key(), peer);
  Socket socket(io, asio::local::stream_protocol());
  error_code error;
  socket.connect(socket_path(member.key(), peer), error);
  const Greeting greeting{static_cast<std::uint32_t>(member.id()), member.key().of_caller};
  if (!error && credentials_of(socket.native_handle()).uid != geteuid()) {
    throw ProtocolError(peer,
                        fmt::format("{} is listened at by a process of another user", address));
  }
  if (!error) asio::write(socket, asio::buffer(encode(greeting)), error);
  if (error) {
    throw PeerGone(peer, fmt::format("{} could not connect to {} at {}: {}", member.name(),
                                     member.name_of_member(peer), address, error.message()));
  }
  return socket;
}

void check_answer(const Member& member, int peer,
                  std::span<const std::byte, kGreetingBytes> answer) {
  const auto greeting = decode_greeting(answer);
  if (!greeting || !is_same(greeting->half, member.key().of_answerer)) {
    throw ProtocolError(peer, fmt::format("who answers at {} does not know the secret of this run",
                                          address_of(member.key(), peer)));
  }
  const auto said = static_cast<Answer>(greeting->number);
  if (said == Answer::welcome) return;
  throw TurnedAway(
      peer, fmt::format("{} was turned away by {}: {}", member.name(), member.name_of_member(peer),
                        said == Answer::taken ? "another process has that place"
                                              : "it expects no connection from there"));
}

}  // namespace lockstep::process
