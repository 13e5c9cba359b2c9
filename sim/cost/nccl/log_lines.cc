#include "sim/cost/nccl/log_lines.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace lockstep {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

// "node-1:1000:1044" without the numbers of process and thread; "" if it has none.
std::string_view host_of(std::string_view word) {
  for (int i = 0; i < 2; ++i) {
    const std::size_t colon = word.rfind(':');
    if (colon == std::string_view::npos || !is_digits(word.substr(colon + 1))) return {};
    word = word.substr(0, colon);
  }
  return word;
}

// Hosts of containers are called by twelve such digits: no figure can be told from them.
bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

constexpr std::size_t kUnknown = std::string_view::npos;

// How many characters of `word`, a host's name, stand before that: of a figure.
std::size_t before_host(std::string_view word, const std::set<std::string>& hosts) {
  std::size_t longest = 0;
  for (const std::string& host : hosts) {
    if (word.ends_with(host)) longest = std::max(longest, host.size());
  }
  if (longest > 0) return word.size() - longest;
  const std::size_t end = std::min(word.find_first_not_of("0123456789.-"), word.size());
  return is_hex(word.substr(end)) ? kUnknown : end;
}

// "[2025-11-20 10:31:07] " at the end: newer versions put it before the host.
std::string_view without_stamp(std::string_view text) {
  const std::size_t bracket = text.rfind('[');
  constexpr std::size_t kStamp = std::string_view("[2025-11-20 10:31:07]").size();
  if (bracket == std::string_view::npos || text.size() < bracket + kStamp) return text;
  const bool closes = text[bracket + kStamp - 1] == ']' && text[bracket + 14] == ':';
  return closes ? text.substr(0, bracket) : text;
}

}  // namespace

LineWithoutNccl without_nccl(const std::string& line, const std::set<std::string>& hosts) {
  const std::size_t message = line.find(" NCCL ");
  if (message == std::string::npos) return {line, false};
  // The word before " [0] ... NCCL": host, process, thread.
  for (std::size_t device = line.find(" ["); device < message;
       device = line.find(" [", device + 1)) {
    const std::size_t close = line.find(']', device);
    if (close == std::string::npos) break;
    if (!is_digits(std::string_view(line).substr(device + 2, close - device - 2))) continue;
    const std::size_t space = line.find_last_of(" \t", device - 1);
    const std::size_t begin = device == 0 || space == std::string::npos ? 0 : space + 1;
    const std::string_view host = host_of(std::string_view(line).substr(begin, device - begin));
    if (host.empty()) continue;
    const std::string_view before = std::string_view(line).substr(0, begin);
    const std::size_t more = before_host(host, hosts);
    const bool alone = before.find_first_not_of(" \t") == std::string_view::npos;
    // A line that begins with an unknown host has nothing before it, whatever the host's name.
    if (alone && (more == kUnknown || hosts.empty())) return {"", true};
    if (more == kUnknown) return {std::string(before) + "?", true};
    if (more == 0) return {std::string(without_stamp(before)), true};
    return {line.substr(0, begin + more), true};
  }
  const bool is_message = line.find("NCCL INFO") != std::string::npos;
  return {is_message ? "" : line, is_message};
}

}  // namespace lockstep
