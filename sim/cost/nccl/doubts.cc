#include "sim/cost/nccl/doubts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace lockstep {
namespace {

// A few percent above a limit is noise of the measurement, or of the limit.
constexpr double kTolerance = 1.05;
// Machines of a kind are not so far from each other.
constexpr double kFar = 10;

constexpr std::array<std::string_view, 4> kOfALink{"nccl.ll.GBps", "nccl.ll128.GBps",
                                                   "nccl.simple.GBps", "nccl.peers.GBps"};
constexpr std::array<std::string_view, 2> kOfMemory{"nccl.own_GBps", "nccl.peers.own_GBps"};

bool is_one_of(std::string_view path, std::span<const std::string_view> paths) {
  return std::ranges::find(paths, path) != paths.end();
}

std::string above_limit(std::string_view path, double after, const Hardware& base) {
  const double link = base.nccl.link_GBps;
  const auto above = [after](double limit, std::string_view whose) -> std::string {
    if (after <= limit * kTolerance) return "";
    return fmt::format("is above the {:.4g} GB/s of {}", limit, whose);
  };
  if (is_one_of(path, kOfALink)) return above(link, "a link");
  // The switch sums: n ranks see a bus rate of up to 2 (n - 1) / (n + 1) links.
  if (path == "nccl.nvls.GBps") return above(2 * link, "two links, the most that NVLS can show");
  if (is_one_of(path, kOfMemory)) return above(base.gpu.hbm_GBps, "the memory");
  return "";
}

}  // namespace

std::string doubt_about(const HardwareField& field, double after, const Hardware& base) {
  if (after <= field.least || after >= field.most) {
    return fmt::format("is at the end of its range, {} to {}", field.least, field.most);
  }
  if (std::string limit = above_limit(field.path, after, base); !limit.empty()) return limit;
  Hardware copy = base;
  const double before = field.of(copy);
  if (before > 0 && after * kFar < before) {
    return fmt::format(
        "is less than a tenth of the base's {:.4g}: a straight line through the "
        "points may well make it negative",
        before);
  }
  if (before > 0 && after > before * kFar) {
    return fmt::format("is more than ten times the base's {:.4g}", before);
  }
  return "";
}

}  // namespace lockstep
