#include "backend/process/link.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>

#include "sim/base/require.h"

namespace lockstep::process {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

std::string frame_text(const Tag& tag, std::uint64_t bytes) {
  return fmt::format("{} of {} bytes", to_string(tag), bytes);
}

// What a frame takes in a mailbox: empty ones are bounded, too.
std::size_t room_for(std::uint64_t bytes) { return kFrameHeaderBytes + bytes; }

bool is_not_yet(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

Link::Link(LinkContext& context, int peer, Socket socket)
    : context_(context), peer_(peer), socket_(std::move(socket)) {
  socket_.non_blocking(true);
  // Less only costs time.
  error_code ignored;
  socket_.set_option(Socket::send_buffer_size(context_.limits.socket_bytes), ignored);
  await_data();
}

void Link::close() {
  error_code ignored;
  socket_.close(ignored);
  queue_.clear();
  coming_.reset();
  wish_.reset();
  asks_any_ = false;
  ended_ = true;
  cannot_send_ = true;
}

void Link::refuse(const std::string& what) {
  const Member& member = context_.member;
  close();
  throw ProtocolError(
      peer_, fmt::format("{} got from {} {}", member.name(), member.name_of_member(peer_), what));
}

// ---- out --------------------------------------------------------------------------------------

void Link::post(const Tag& tag, Bytes payload) {
  if (cannot_send_) return;
  queue_.push_back({encode(FrameHeader{tag, payload.size()}), payload, 0, {}});
  unsent_ += kFrameHeaderBytes + payload.size();
  if (queue_.size() == 1) write();
}

void Link::write() {
  while (!queue_.empty()) {
    Unsent& next = queue_.front();
    const std::size_t of_header = std::min(next.written, kFrameHeaderBytes);
    const Bytes header = Bytes(next.header).subspan(of_header);
    const Bytes payload = next.payload.subspan(next.written - of_header);
    error_code error;
    const std::size_t count =
        socket_.write_some(std::array{asio::const_buffer(header.data(), header.size()),
                                      asio::const_buffer(payload.data(), payload.size())},
                           error);
    if (is_not_yet(error)) return await_room();
    if (error) {
      cannot_send_ = true;
      queue_.clear();
      return;
    }
    context_.member.beat();
    next.written += count;
    unsent_ -= count;
    if (count == header.size() + payload.size()) queue_.pop_front();
  }
}

void Link::await_room() {
  socket_.async_wait(Socket::wait_write, [this](error_code error) {
    if (!error && !cannot_send_) write();
  });
}

void Link::keep_unsent() {
  for (Unsent& frame : queue_) {
    if (!frame.kept.empty()) continue;
    frame.kept.assign(frame.payload.begin(), frame.payload.end());
    frame.payload = frame.kept;
  }
}

// ---- in ---------------------------------------------------------------------------------------

void Link::await_data() {
  socket_.async_wait(Socket::wait_read, [this](error_code error) {
    if (!error && !ended_) read();
  });
}

// Until the socket is empty, or what was asked for has come. What is on its way goes where it
// belongs, what is behind it into the scratch memory, in one call.
void Link::read() {
  while (!is_held_back_) {
    std::span<std::byte> rest;
    if (coming_) rest = coming_->target.subspan(coming_->filled);
    const std::span<std::byte> scratch = context_.scratch;
    error_code error;
    const std::size_t count =
        socket_.read_some(std::array{asio::mutable_buffer(rest.data(), rest.size()),
                                     asio::mutable_buffer(scratch.data(), scratch.size())},
                          error);
    if (is_not_yet(error)) return await_data();
    if (error) return end();
    context_.member.beat();
    const bool was_asked = !has_come();
    const std::size_t direct = std::min(count, rest.size());
    if (coming_) coming_->filled += direct;
    if (coming_ && coming_->filled == coming_->target.size()) finish_frame();
    take_apart(scratch.first(count - direct));
    const bool is_empty = count < rest.size() + scratch.size();
    if (!is_held_back_ && (is_empty || (was_asked && has_come()))) return await_data();
  }
}

void Link::end() {
  const std::size_t filled = coming_ ? kFrameHeaderBytes + coming_->filled : header_filled_;
  const std::size_t whole = kFrameHeaderBytes + (coming_ ? coming_->target.size() : std::size_t{0});
  ended_ = true;
  if (filled == 0) return;
  close();
  throw Truncated(peer_, fmt::format("{} closed the connection with {} in the middle of a frame, "
                                     "after {} of {} bytes",
                                     context_.member.name_of_member(peer_), context_.member.name(),
                                     filled, whole));
}

void Link::take_apart(Bytes data) {
  while (!data.empty()) {
    std::size_t taken = 0;
    if (is_held_back_) {
      held_back_.insert(held_back_.end(), data.begin(), data.end());
      return;
    }
    if (coming_) {
      taken = std::min(data.size(), coming_->target.size() - coming_->filled);
      std::ranges::copy(data.first(taken),
                        coming_->target.begin() + static_cast<std::ptrdiff_t>(coming_->filled));
      coming_->filled += taken;
      if (coming_->filled == coming_->target.size()) finish_frame();
    } else {
      taken = fill_header(data);
      if (header_filled_ == kFrameHeaderBytes) begin_frame();
    }
    data = data.subspan(taken);
  }
}

std::size_t Link::fill_header(Bytes data) {
  const std::size_t taken = std::min(data.size(), kFrameHeaderBytes - header_filled_);
  std::ranges::copy(data.first(taken),
                    header_.begin() + static_cast<std::ptrdiff_t>(header_filled_));
  header_filled_ += taken;
  return taken;
}

// A header is complete. Decides where its payload goes before anything is allocated for it.
void Link::begin_frame() {
  const auto header = decode_frame_header(header_);
  if (!header) refuse("bytes that are no frame");
  if (header->bytes > context_.limits.frame_bytes) {
    refuse(fmt::format("a frame that is too large: {}; at most {} bytes are allowed",
                       frame_text(header->tag, header->bytes), context_.limits.frame_bytes));
  }
  if (asks_any_ || is_wished(*header)) return accept(*header, true);
  if (fits(header->bytes)) return accept(*header, false);
  if (wish_) {
    refuse(fmt::format("{} before {}, and more than {} bytes that nobody asks for",
                       frame_text(header->tag, header->bytes), to_string(wish_->tag),
                       context_.limits.mailbox_bytes));
  }
  is_held_back_ = true;
}

bool Link::fits(std::uint64_t bytes) const {
  const std::size_t limit = context_.limits.mailbox_bytes;
  return mailbox_bytes_ <= limit && room_for(bytes) <= limit - mailbox_bytes_;
}

// Whether a frame is the one asked for. Throws if it is another where that one had to come.
bool Link::is_wished(const FrameHeader& header) {
  if (!wish_ || wish_->tag.communicator != header.tag.communicator) return false;
  const bool size_is_right =
      wish_->payload ? header.bytes == wish_->payload->size() : header.bytes <= wish_->limit;
  if (header.tag == wish_->tag && size_is_right) return true;
  const Wish wish = *wish_;
  const std::string wanted =
      wish.payload ? frame_text(wish.tag, wish.payload->size())
                   : fmt::format("{} of at most {} bytes", to_string(wish.tag), wish.limit);
  refuse(fmt::format("{}; expected {}", frame_text(header.tag, header.bytes), wanted));
}

void Link::accept(const FrameHeader& header, bool wished) {
  header_filled_ = 0;
  coming_ = Coming{header, {}, {}, 0, wished};
  Coming& coming = *coming_;
  if (wished && wish_ && wish_->payload) {
    coming.target = *wish_->payload;
  } else {
    coming.own.resize(header.bytes);
    coming.target = coming.own;
  }
  if (!wished) mailbox_bytes_ += room_for(header.bytes);
  if (header.bytes == 0) finish_frame();
}

void Link::finish_frame() {
  Frame frame{coming_->header.tag, std::move(coming_->own)};
  if (coming_->is_wished) {
    answer_ = std::move(frame);
    wish_.reset();
    asks_any_ = false;
  } else {
    mailbox_.push_back(std::move(frame));
  }
  coming_.reset();
}

// Reading goes on if what was held back fits now, or is asked for.
void Link::resume() {
  if (!is_held_back_) return;
  is_held_back_ = false;
  const std::vector<std::byte> data = std::exchange(held_back_, {});
  begin_frame();
  take_apart(data);
  if (!is_held_back_) await_data();
}

void Link::ask(const Tag& tag, std::span<std::byte> payload) { make_wish({tag, payload, 0}); }

void Link::ask_up_to(const Tag& tag, std::size_t limit) { make_wish({tag, std::nullopt, limit}); }

void Link::make_wish(Wish wish) {
  forget_any();
  LOCKSTEP_ASSERT(!wish_);
  wish_ = wish;
  if (!take_from_mailbox()) redirect_coming();
  resume();
}

bool Link::take_from_mailbox() {
  const auto found = std::ranges::find(mailbox_, wish_->tag.communicator,
                                       [](const Frame& f) { return f.tag.communicator; });
  if (found == mailbox_.end()) return false;
  is_wished({found->tag, found->payload.size()});
  mailbox_bytes_ -= room_for(found->payload.size());
  if (wish_->payload) {
    std::ranges::copy(found->payload, wish_->payload->begin());
  } else {
    answer_ = std::move(*found);
  }
  mailbox_.erase(found);
  wish_.reset();
  return true;
}

// What is on its way to the mailbox may be what is asked for now.
void Link::redirect_coming() {
  if (!coming_ || !is_wished(coming_->header)) return;
  coming_->is_wished = true;
  mailbox_bytes_ -= room_for(coming_->header.bytes);
  if (!wish_->payload) return;
  std::copy_n(coming_->own.begin(), coming_->filled, wish_->payload->begin());
  coming_->target = *wish_->payload;
  coming_->own.clear();
}

void Link::ask_any() {
  LOCKSTEP_ASSERT(!wish_);
  if (asks_any_) return;
  if (!mailbox_.empty()) {
    answer_ = std::move(mailbox_.front());
    mailbox_.pop_front();
    mailbox_bytes_ -= room_for(answer_.payload.size());
    return resume();
  }
  asks_any_ = true;
  if (coming_) {
    coming_->is_wished = true;
    mailbox_bytes_ -= room_for(coming_->header.bytes);
  }
  resume();
}

void Link::forget_any() {
  asks_any_ = false;
  if (!coming_ || !coming_->is_wished) return;
  coming_->is_wished = false;
  mailbox_bytes_ += room_for(coming_->header.bytes);
}

}  // namespace lockstep::process
