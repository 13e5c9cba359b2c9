#include "backend/process/mesh.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <utility>

#include "backend/process/call.h"
#include "backend/process/door.h"
#include "backend/process/link.h"
#include "sim/base/require.h"

namespace lockstep::process {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::size_t kScratchBytes = std::size_t{1} << 16;

}  // namespace

class Mesh::Impl {
 public:
  Impl(Member& member, const std::vector<int>& peers, const MeshLimits& limits);

  void send(int id, const Tag& tag, Bytes payload);
  void flush();
  void receive(int id, const Tag& tag, std::span<std::byte> payload);
  std::vector<std::byte> receive_up_to(int id, const Tag& tag, std::size_t limit);
  void send_receive(const Outgoing& outgoing, const Incoming& incoming);
  Message receive_next();
  std::uint64_t bytes_sent(int id) const;

 private:
  struct Peer {
    int id = -1;
    std::unique_ptr<Link> link;  // none: not connected yet
    std::uint64_t bytes_sent = 0;
  };

  void watch_coordinator();
  void call_peer(Peer& peer);
  Answer judge(int id, pid_t pid);
  void join();

  std::size_t index_of(int id) const;
  Peer& peer(int id) { return peers_[index_of(id)]; }
  void post(Peer& to, const Tag& tag, Bytes payload);
  void wait_until_sent(Peer& to, std::uint32_t communicator);
  void wait_until_come(Peer& from, const Tag& tag);
  [[noreturn]] void say_gone(const Peer& gone) const;
  // The board says where it waits until somebody says that it goes on: not if the wait was in vain.
  template <class Condition>
  void run_until(int id, std::uint32_t communicator, Condition condition);
  void run_once(std::chrono::steady_clock::time_point deadline, int id);

  asio::io_context io_;  // first: what waits in it is forgotten last
  Member& member_;
  MeshLimits limits_;
  std::vector<std::byte> scratch_;
  LinkContext context_;
  stream_descriptor control_;
  bool is_aborted_ = false;
  std::vector<Peer> peers_;  // as they were named
  std::size_t next_ = 0;     // whom receive_next() asks first
  Door door_;
};

// ---- connecting -------------------------------------------------------------------------------

Mesh::Impl::Impl(Member& member, const std::vector<int>& peers, const MeshLimits& limits)
    : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),
      member_(member),
      limits_(limits),
      scratch_(kScratchBytes),
      context_{member_, limits_, scratch_},
      control_(io_, dup(member.control())),
      door_(
          io_, member_, limits_, [this](int id, pid_t pid) { return judge(id, pid); },
          [this](int id, Socket socket) {
            peer(id).link = std::make_unique<Link>(context_, id, std::move(socket));
          }) {
  for (const int id : peers) peers_.push_back(Peer{id, nullptr, 0});
  watch_coordinator();
  for (Peer& peer : peers_) {
    if (peer.id < member_.id()) call_peer(peer);
  }
  join();
}

void Mesh::Impl::watch_coordinator() {
  control_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
    if (!error) is_aborted_ = true;  // it sends nothing: it has closed
  });
}

void Mesh::Impl::call_peer(Peer& peer) {
  struct Call {
    Socket socket;
    std::array<std::byte, kGreetingBytes> answer{};
  };
  const auto pending = std::make_shared<Call>(Call{call(io_, member_, peer.id)});
  asio::async_read(pending->socket, asio::buffer(pending->answer),
                   [this, pending, &peer](error_code error, std::size_t) {
                     if (error) say_gone(peer);
                     check_answer(member_, peer.id, pending->answer);
                     peer.link =
                         std::make_unique<Link>(context_, peer.id, std::move(pending->socket));
                   });
}

// Whether one who knows the secret is the peer that it says it is, and is not here already.
Answer Mesh::Impl::judge(int id, pid_t pid) {
  const auto found = std::ranges::find(peers_, id, &Peer::id);
  if (found == peers_.end() || id < member_.id()) return Answer::unexpected;
  const pid_t its = member_.board().pid(id);
  if (pid == its && !found->link) return Answer::welcome;
  member_.note(fmt::format("process {} came as {}, which is process {} and {}; it was turned away",
                           pid, member_.name_of_member(id), its,
                           found->link ? "connected" : "not yet connected"));
  return Answer::taken;
}

void Mesh::Impl::join() {
  while (true) {
    const auto missing =
        std::ranges::find_if(peers_, [](const Peer& peer) { return peer.link == nullptr; });
    if (missing == peers_.end()) break;
    member_.board().join(member_.id(), missing->id);
    if (is_aborted_) throw Aborted();
    io_.run_one();
  }
  member_.board().go_on(member_.id());
}

// ---- waiting ----------------------------------------------------------------------------------

std::size_t Mesh::Impl::index_of(int id) const {
  const auto found = std::ranges::find(peers_, id, &Peer::id);
  LOCKSTEP_ASSERT(found != peers_.end());
  return static_cast<std::size_t>(found - peers_.begin());
}

void Mesh::Impl::say_gone(const Peer& gone) const {
  throw PeerGone(gone.id, fmt::format("{} lost its connection with {}", member_.name(),
                                      member_.name_of_member(gone.id)));
}

template <class Condition>
void Mesh::Impl::run_until(int id, std::uint32_t communicator, Condition condition) {
  if (condition()) return;
  member_.board().wait(member_.id(), id, communicator);
  const auto deadline = std::chrono::steady_clock::now() + limits_.wait;
  while (!condition()) run_once(deadline, id);
}

void Mesh::Impl::run_once(std::chrono::steady_clock::time_point deadline, int id) {
  if (is_aborted_) throw Aborted();
  if (limits_.wait.count() == 0) {
    io_.run_one();
  } else if (io_.run_one_until(deadline) == 0) {
    throw TimedOut(id, fmt::format("{} waited for {} for {} ms", member_.name(),
                                   member_.name_of_member(id), limits_.wait.count()));
  }
}

void Mesh::Impl::wait_until_sent(Peer& to, std::uint32_t communicator) {
  Link& link = *to.link;
  run_until(to.id, communicator, [&] { return link.unsent() == 0 || link.cannot_send(); });
  if (link.cannot_send()) say_gone(to);
  member_.board().go_on(member_.id());
}

void Mesh::Impl::wait_until_come(Peer& from, const Tag& tag) {
  Link& link = *from.link;
  run_until(from.id, tag.communicator, [&] { return link.has_come() || link.has_ended(); });
  if (!link.has_come()) say_gone(from);
  member_.board().go_on(member_.id());
}

// ---- messages ---------------------------------------------------------------------------------

namespace {

// Closes links on the way out unless told that all went well: nobody must be left with a part of a
// frame, or with the caller's memory.
class CloseOnFailure {
 public:
  explicit CloseOnFailure(std::array<Link*, 2> links) : links_(links) {}
  ~CloseOnFailure() {
    for (Link* link : links_) {
      if (link != nullptr) link->close();
    }
  }
  CloseOnFailure(const CloseOnFailure&) = delete;
  CloseOnFailure& operator=(const CloseOnFailure&) = delete;
  void all_went_well() { links_ = {}; }

 private:
  std::array<Link*, 2> links_;
};

}  // namespace

void Mesh::Impl::post(Peer& to, const Tag& tag, Bytes payload) {
  to.link->post(tag, payload);
  to.bytes_sent += payload.size();
}

void Mesh::Impl::send(int id, const Tag& tag, Bytes payload) {
  Peer& to = peer(id);
  CloseOnFailure guard({to.link.get(), nullptr});
  post(to, tag, payload);
  if (to.link->unsent() > limits_.unsent_bytes) wait_until_sent(to, tag.communicator);
  if (to.link->cannot_send()) say_gone(to);
  to.link->keep_unsent();
  guard.all_went_well();
}

void Mesh::Impl::flush() {
  for (Peer& to : peers_) {
    if (to.link->unsent() > 0) wait_until_sent(to, 0);
  }
}

void Mesh::Impl::receive(int id, const Tag& tag, std::span<std::byte> payload) {
  send_receive({}, {id, tag, payload});
}

std::vector<std::byte> Mesh::Impl::receive_up_to(int id, const Tag& tag, std::size_t limit) {
  Peer& from = peer(id);
  CloseOnFailure guard({from.link.get(), nullptr});
  from.link->ask_up_to(tag, limit);
  wait_until_come(from, tag);
  guard.all_went_well();
  return from.link->take().payload;
}

void Mesh::Impl::send_receive(const Outgoing& outgoing, const Incoming& incoming) {
  Peer* to = outgoing.peer < 0 ? nullptr : &peer(outgoing.peer);
  Peer* from = incoming.peer < 0 ? nullptr : &peer(incoming.peer);
  CloseOnFailure guard({to ? to->link.get() : nullptr, from ? from->link.get() : nullptr});
  if (from) from->link->ask(incoming.tag, incoming.payload);
  if (to) post(*to, outgoing.tag, outgoing.payload);
  if (from) wait_until_come(*from, incoming.tag);
  if (to) wait_until_sent(*to, outgoing.tag.communicator);
  guard.all_went_well();
}

// Who was served last is asked last: nobody is passed over for ever.
Mesh::Message Mesh::Impl::receive_next() {
  const auto first_with_a_frame = [&](bool asks) -> Peer* {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      Peer& from = peers_[(next_ + i) % peers_.size()];
      if (asks) from.link->ask_any();
      if (from.link->has_come()) return &from;
    }
    return nullptr;
  };
  const auto all_have_ended = [&] {
    return std::ranges::all_of(peers_, [](const Peer& peer) { return peer.link->has_ended(); });
  };
  Peer* found = first_with_a_frame(true);
  const auto is_over = [&] {
    if (!found) found = first_with_a_frame(false);
    return found || all_have_ended();
  };
  run_until(-1, 0, is_over);
  for (Peer& peer : peers_) peer.link->forget_any();
  if (!found) say_gone(peers_.front());
  member_.board().go_on(member_.id());
  next_ = index_of(found->id) + 1;
  Link::Frame frame = found->link->take();
  return {found->id, frame.tag, std::move(frame.payload)};
}

std::uint64_t Mesh::Impl::bytes_sent(int id) const { return peers_[index_of(id)].bytes_sent; }

// ---- the interface ----------------------------------------------------------------------------

Mesh::Mesh(Member& member, const std::vector<int>& peers, const MeshLimits& limits)
    : impl_(std::make_unique<Impl>(member, peers, limits)) {}

Mesh::~Mesh() = default;

void Mesh::send(int peer, const Tag& tag, Bytes payload) { impl_->send(peer, tag, payload); }

void Mesh::flush() { impl_->flush(); }

void Mesh::receive_into(int peer, const Tag& tag, std::span<std::byte> payload) {
  impl_->receive(peer, tag, payload);
}

std::vector<std::byte> Mesh::receive(int peer, const Tag& tag, std::size_t bytes) {
  std::vector<std::byte> payload(bytes);
  impl_->receive(peer, tag, payload);
  return payload;
}

std::vector<std::byte> Mesh::receive_up_to(int peer, const Tag& tag, std::size_t limit) {
  return impl_->receive_up_to(peer, tag, limit);
}

void Mesh::send_receive(const Outgoing& outgoing, const Incoming& incoming) {
  impl_->send_receive(outgoing, incoming);
}

Mesh::Message Mesh::receive_next() { return impl_->receive_next(); }

std::uint64_t Mesh::bytes_sent(int peer) const { return impl_->bytes_sent(peer); }

}  // namespace lockstep::process
