#include "backend/process/wire.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::process {
namespace {

// "LSF1", "LSG1", "LSC1" in the order in which the bytes are sent; the digit is the version.
constexpr std::uint32_t kFrameMagic = 0x3146534C;
constexpr std::uint32_t kGreetingMagic = 0x3147534C;
constexpr std::uint32_t kControlMagic = 0x3143534C;

std::uint32_t get_u32(Bytes at) { return static_cast<std::uint32_t>(get_number(at.first(4))); }

}  // namespace

void put_number(std::span<std::byte> at, std::uint64_t value) {
  for (std::byte& b : at) {
    b = static_cast<std::byte>(value & 0xFF);
    value >>= 8;
  }
}

std::uint64_t get_number(Bytes at) {
  std::uint64_t value = 0;
  for (std::size_t i = at.size(); i > 0; --i) {
    value = value << 8 | std::to_integer<std::uint64_t>(at[i - 1]);
  }
  return value;
}

std::string to_string(const Tag& tag) {
  return fmt::format("kind {}, communicator {}, call {}, turn {}", tag.kind, tag.communicator,
                     tag.call, tag.turn);
}

std::array<std::byte, kFrameHeaderBytes> encode(const FrameHeader& header) {
  std::array<std::byte, kFrameHeaderBytes> bytes{};
  const std::span<std::byte> at(bytes);
  put_number(at.subspan(0, 4), kFrameMagic);
  put_number(at.subspan(4, 4), header.tag.kind);
  put_number(at.subspan(8, 4), header.tag.communicator);
  put_number(at.subspan(12, 4), header.tag.turn);
  put_number(at.subspan(16, 8), header.tag.call);
  put_number(at.subspan(24, 8), header.bytes);
  return bytes;
}

std::optional<FrameHeader> decode_frame_header(
    std::span<const std::byte, kFrameHeaderBytes> bytes) {
  if (get_u32(bytes) != kFrameMagic) return std::nullopt;
  FrameHeader header;
  header.tag.kind = get_u32(bytes.subspan(4));
  header.tag.communicator = get_u32(bytes.subspan(8));
  header.tag.turn = get_u32(bytes.subspan(12));
  header.tag.call = get_number(bytes.subspan(16, 8));
  header.bytes = get_number(bytes.subspan(24, 8));
  return header;
}

std::array<std::byte, kGreetingBytes> encode(const Greeting& greeting) {
  std::array<std::byte, kGreetingBytes> bytes{};
  const std::span<std::byte> at(bytes);
  put_number(at.subspan(0, 4), kGreetingMagic);
  put_number(at.subspan(4, 4), greeting.number);
  std::ranges::copy(greeting.half, at.subspan(8).begin());
  return bytes;
}

std::optional<Greeting> decode_greeting(std::span<const std::byte, kGreetingBytes> bytes) {
  if (get_u32(bytes) != kGreetingMagic) return std::nullopt;
  Greeting greeting;
  greeting.number = get_u32(bytes.subspan(4));
  std::ranges::copy(bytes.subspan(8), greeting.half.begin());
  return greeting;
}

std::array<std::byte, kControlHeaderBytes> encode(const ControlHeader& header) {
  std::array<std::byte, kControlHeaderBytes> bytes{};
  const std::span<std::byte> at(bytes);
  put_number(at.subspan(0, 4), kControlMagic);
  put_number(at.subspan(4, 4), static_cast<std::uint32_t>(header.kind));
  put_number(at.subspan(8, 8), header.bytes);
  return bytes;
}

std::optional<ControlHeader> decode_control_header(
    std::span<const std::byte, kControlHeaderBytes> bytes) {
  if (get_u32(bytes) != kControlMagic) return std::nullopt;
  const auto kind = static_cast<ControlKind>(get_u32(bytes.subspan(4)));
  if (kind < ControlKind::report || kind > ControlKind::note) return std::nullopt;
  return ControlHeader{kind, get_number(bytes.subspan(8, 8))};
}

}  // namespace lockstep::process
