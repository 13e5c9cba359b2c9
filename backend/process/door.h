// The answerer's half of the handshake: listens for the whole run, lets peers in, and drops
// everybody else without a byte.
//
// A caller has `MeshLimits::greeting` to send one greeting with the caller's half of the secret. Of
// callers whose process is no member (the kernel says who calls) at most `MeshLimits::callers` are
// kept at a time: the one that has waited longest makes room. So strangers cannot keep a member
// out.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>

#include "backend/process/member.h"
#include "backend/process/mesh.h"

namespace lockstep::process {

using Socket = boost::asio::local::stream_protocol::socket;

class Door {
 public:
  // Says whether one who knows the secret and calls itself `member`, of process `pid`, may come in.
  using Judge = std::function<Answer(int member, pid_t pid)>;
  // Gets the connection of one who may; it has been told so.
  using Admit = std::function<void(int member, Socket socket)>;

  // Begins to listen. `member` and `limits` must outlive it.
  Door(boost::asio::io_context& io, Member& member, const MeshLimits& limits, Judge judge,
       Admit admit);

 private:
  struct Caller;

  void await_caller();
  void meet(Socket socket);
  void hear(Caller& caller);
  void drop(const Caller& caller);
  void drop_one_too_many();
  bool is_member(pid_t pid) const;

  Member& member_;
  const MeshLimits& limits_;
  Judge judge_;
  Admit admit_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::list<std::shared_ptr<Caller>> callers_;  // who have not proved who they are, oldest first
};

}  // namespace lockstep::process
