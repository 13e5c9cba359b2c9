// The bytes on the wire, without any input or output: frames between members, greetings of those
// who connect, messages on a control connection. All numbers are little-endian, whatever the
// machine.
//
//   frame     magic u32 | kind u32 | communicator u32 | turn u32 | call u64 | bytes u64 | payload
//   greeting  magic u32 | number u32 | half of the secret, 32 bytes
//   control   magic u32 | kind u32 | bytes u64 | payload
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace lockstep::process {

using Bytes = std::span<const std::byte>;

// What a message between two members is. Kinds are the user's.
struct Tag {
  std::uint32_t kind = 0;
  std::uint32_t communicator = 0;
  std::uint64_t call = 0;
  std::uint32_t turn = 0;

  bool operator==(const Tag&) const = default;
};

// "kind 1, communicator 0, call 7, turn 3"
std::string to_string(const Tag& tag);

struct FrameHeader {
  Tag tag;
  std::uint64_t bytes = 0;  // of the payload
};

inline constexpr std::size_t kFrameHeaderBytes = 32;
std::array<std::byte, kFrameHeaderBytes> encode(const FrameHeader& header);
// Nothing if the magic is another: not a frame.
std::optional<FrameHeader> decode_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes);

inline constexpr std::size_t kHalfBytes = 32;
using Half = std::array<std::byte, kHalfBytes>;

// Who calls says who it is (`number`: its member id); who answers says `number`: an Answer.
struct Greeting {
  std::uint32_t number = 0;
  Half half{};
};
enum class Answer : std::uint32_t {
  welcome,
  taken,       // another process is, or should be, that member
  unexpected,  // that member has no business here
};

inline constexpr std::size_t kGreetingBytes = 8 + kHalfBytes;
std::array<std::byte, kGreetingBytes> encode(const Greeting& greeting);
std::optional<Greeting> decode_greeting(std::span<const std::byte, kGreetingBytes> bytes);

enum class ControlKind : std::uint32_t {
  report = 1,  // the member's last words; its payload is the user's
  failure,     // cause u32 | peer u32 (-1: none) | text
  note,        // text: something that the coordinator should know and that stops nothing
};

inline constexpr std::size_t kFailureHeadBytes = 8;

struct ControlHeader {
  ControlKind kind{};
  std::uint64_t bytes = 0;
};

inline constexpr std::size_t kControlHeaderBytes = 16;
std::array<std::byte, kControlHeaderBytes> encode(const ControlHeader& header);
// Nothing if magic or kind is none of these.
std::optional<ControlHeader> decode_control_header(
    std::span<const std::byte, kControlHeaderBytes> bytes);

// The lowest bytes of `value`, as many as there is room for; at most 8 are meant.
void put_number(std::span<std::byte> at, std::uint64_t value);
std::uint64_t get_number(Bytes at);

}  // namespace lockstep::process
