#include "backend/process/door.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace lockstep::process {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Before the next attempt when the system has no descriptor left for a caller.
constexpr std::chrono::milliseconds kPause{10};

int duplicate(int descriptor) {
  const int copy = dup(descriptor);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "a file descriptor");
  return copy;
}

}  // namespace

struct Door::Caller {
  Socket socket;
  pid_t pid;
  bool is_stranger;
  asio::steady_timer timer;
  std::array<std::byte, kGreetingBytes> greeting{};
};

Door::Door(asio::io_context& io, Member& member, const MeshLimits& limits, Judge judge, Admit admit)
    : member_(member),
      limits_(limits),
      judge_(std::move(judge)),
      admit_(std::move(admit)),
      acceptor_(io, asio::local::stream_protocol(), duplicate(member.listener())),
      pause_(io) {
  await_caller();
}

void Door::await_caller() {
  acceptor_.async_accept([this](error_code error, Socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      meet(std::move(socket));
      return await_caller();
    }
    pause_.expires_after(kPause);
    pause_.async_wait([this](error_code stopped) {
      if (!stopped) await_caller();
    });
  });
}

void Door::meet(Socket socket) {
  const Credentials their = credentials_of(socket.native_handle());
  if (their.uid != geteuid()) return;  // closes
  asio::steady_timer timer(acceptor_.get_executor(), limits_.greeting);
  callers_.push_back(std::make_shared<Caller>(
      Caller{std::move(socket), their.pid, !is_member(their.pid), std::move(timer)}));
  const std::shared_ptr<Caller> caller = callers_.back();
  // The handlers own the caller, who may have been dropped meanwhile: then its socket is closed.
  caller->timer.async_wait([this, caller](error_code error) {
    if (!error) drop(*caller);
  });
  asio::async_read(caller->socket, asio::buffer(caller->greeting),
                   [this, caller](error_code error, std::size_t) {
                     if (!caller->socket.is_open()) return;
                     if (!error) hear(*caller);
                     drop(*caller);
                   });
  drop_one_too_many();
}

void Door::hear(Caller& caller) {
  const auto greeting = decode_greeting(caller.greeting);
  if (!greeting || !is_same(greeting->half, member_.key().of_caller)) return;
  const auto who = static_cast<int>(greeting->number);
  const Answer answer = judge_(who, caller.pid);
  // A new socket has room for an answer: this does not block.
  const Greeting reply{static_cast<std::uint32_t>(answer), member_.key().of_answerer};
  error_code error;
  asio::write(caller.socket, asio::buffer(encode(reply)), error);
  if (answer == Answer::welcome && !error) admit_(who, std::move(caller.socket));
}

void Door::drop(const Caller& caller) {
  const auto is_caller = [&](const auto& kept) { return kept.get() == &caller; };
  const auto found = std::ranges::find_if(callers_, is_caller);
  if (found == callers_.end()) return;
  error_code ignored;
  (*found)->socket.close(ignored);
  (*found)->timer.cancel();
  callers_.erase(found);
}

void Door::drop_one_too_many() {
  const auto is_stranger = [](const auto& caller) { return caller->is_stranger; };
  if (std::ranges::count_if(callers_, is_stranger) <= limits_.callers) return;
  drop(**std::ranges::find_if(callers_, is_stranger));
}

bool Door::is_member(pid_t pid) const {
  const Board& board = member_.board();
  for (int m = 0; m < board.members(); ++m) {
    if (board.pid(m) == pid) return true;
  }
  return false;
}

}  // namespace lockstep::process
