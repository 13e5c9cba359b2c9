#include <array>
#include <string_view>
#include <utility>

#include "sim/contract/check.h"

namespace lockstep::contract {
namespace {

constexpr std::array<std::pair<Code, std::string_view>, 12> kCodes{{
    {Code::collective_mismatch, "collective-mismatch"},
    {Code::deadlock, "deadlock"},
    {Code::wrong_rows, "wrong-rows"},
    {Code::undefined_rows, "undefined-rows"},
    {Code::layout_mismatch, "layout-mismatch"},
    {Code::expert_map, "expert-map"},
    {Code::nonlinear_on_partial, "nonlinear-on-partial"},
    {Code::missing_reduction, "missing-reduction"},
    {Code::wrong_group, "wrong-group"},
    {Code::double_reduction, "double-reduction"},
    {Code::duplicated_term, "duplicated-term"},
    {Code::stream_race, "stream-race"},
}};

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds:
      return "holds";
    case Verdict::violated:
      return "violated";
    case Verdict::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string to_string(Code code) {
  for (const auto& [known, name] : kCodes) {
    if (known == code) return std::string(name);
  }
  return "unknown";
}

std::optional<Code> parse_code(const std::string& text) {
  for (const auto& [code, name] : kCodes) {
    if (name == text) return code;
  }
  return std::nullopt;
}

}  // namespace lockstep::contract
