// One connection with a peer that has proved who it is: frames out in order, frames in to whoever
// asks for them. Internal to the mesh, which runs the event loop.
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/process/mesh.h"

namespace lockstep::process {

using Socket = boost::asio::local::stream_protocol::socket;

// What all links of a mesh share.
struct LinkContext {
  Member& member;
  const MeshLimits& limits;
  std::span<std::byte> scratch;  // what is read ahead, until it is taken apart
};

class Link {
 public:
  struct Frame {
    Tag tag;
    std::vector<std::byte> payload;
  };

  // `context` must outlive it. Begins to read.
  Link(LinkContext& context, int peer, Socket socket);

  // Queues a frame and writes what the socket takes. `payload` must live until it is sent, kept or
  // the link closed.
  void post(const Tag& tag, Bytes payload);
  std::size_t unsent() const { return unsent_; }  // bytes, headers included
  // Copies what is unsent of the caller's memory.
  void keep_unsent();

  // Asks for a frame: into `payload`, whose size it must have, or of at most `limit` bytes. Throws
  // ProtocolError if another has come instead. REQUIRES: nothing else is asked for.
  void ask(const Tag& tag, std::span<std::byte> payload);
  void ask_up_to(const Tag& tag, std::size_t limit);
  // Asks for whatever frame is next, until it has come or forget_any() is called.
  void ask_any();
  void forget_any();
  bool has_come() const { return !wish_ && !asks_any_; }
  // What came of ask_up_to() or ask_any(). REQUIRES: has_come().
  Frame take() { return std::move(answer_); }

  // Nothing more will come, or can be sent.
  bool has_ended() const { return ended_; }
  bool cannot_send() const { return cannot_send_; }
  // Forgets the callers' memory and closes.
  void close();

 private:
  struct Unsent {
    std::array<std::byte, kFrameHeaderBytes> header;
    Bytes payload;
    std::size_t written = 0;      // of both
    std::vector<std::byte> kept;  // the payload, if it is kept
  };
  struct Wish {
    Tag tag;
    std::optional<std::span<std::byte>> payload;
    std::size_t limit = 0;
  };
  // The frame whose payload is on its way.
  struct Coming {
    FrameHeader header;
    std::span<std::byte> target;
    std::vector<std::byte> own;
    std::size_t filled = 0;
    bool is_wished = false;
  };

  void write();
  void await_room();
  void read();
  void await_data();
  void end();

  void take_apart(Bytes data);
  std::size_t fill_header(Bytes data);
  void begin_frame();
  void accept(const FrameHeader& header, bool wished);
  void finish_frame();
  void resume();
  void make_wish(Wish wish);
  bool take_from_mailbox();
  void redirect_coming();
  bool is_wished(const FrameHeader& header);
  bool fits(std::uint64_t bytes) const;
  [[noreturn]] void refuse(const std::string& what);

  LinkContext& context_;
  int peer_;
  Socket socket_;

  std::deque<Unsent> queue_;
  std::size_t unsent_ = 0;
  bool cannot_send_ = false;

  std::array<std::byte, kFrameHeaderBytes> header_{};
  std::size_t header_filled_ = 0;
  std::optional<Coming> coming_;
  std::vector<std::byte> held_back_;  // behind a header that does not fit in the mailbox
  bool is_held_back_ = false;
  std::deque<Frame> mailbox_;
  std::size_t mailbox_bytes_ = 0;
  std::optional<Wish> wish_;
  bool asks_any_ = false;
  Frame answer_;
  bool ended_ = false;
};

}  // namespace lockstep::process
