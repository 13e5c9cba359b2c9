#include "sim/serving/sglang/cuda_graph.h"

#include <algorithm>

#include "sim/serving/sglang/padding.h"

namespace lockstep::sglang {

int default_largest_capture(const std::string& gpu, int tp) {
  if (gpu == "blackwell") return 512;
  if (gpu == "hopper" || gpu == "ampere") return tp >= 4 ? 512 : 256;
  return 160;
}

std::vector<int> generated_sizes(int largest) {
  std::vector<int> sizes{1, 2, 4, 8, 12};
  for (int size = 16; size <= largest; size += size < 256 ? 8 : size < 512 ? 16 : 32) {
    sizes.push_back(size);
  }
  while (sizes.back() > largest) sizes.pop_back();
  if (sizes.back() < largest) sizes.push_back(largest);
  return sizes;
}

std::vector<int> captured_sizes(const CaptureOptions& options, const std::string& gpu,
                                const Parallel& parallel) {
  std::vector<int> sizes;
  const int largest = options.largest.value_or(default_largest_capture(gpu, parallel.tp));
  if (options.sizes) {
    sizes = *options.sizes;
    std::ranges::sort(sizes);
    const auto repeated = std::ranges::unique(sizes);
    sizes.erase(repeated.begin(), repeated.end());
  } else if (options.every_size) {
    for (int size = 1; size <= largest; ++size) sizes.push_back(size);
  } else {
    sizes = generated_sizes(largest);
  }
  const int base = needs_gathered_buffer(parallel) ? parallel.attn_tp : 1;
  std::erase_if(sizes, [base](int size) { return size % base != 0; });
  return sizes;
}

std::optional<int> bucket_of(const std::vector<int>& sizes, int rows) {
  const auto found = std::ranges::lower_bound(sizes, rows);
  if (found == sizes.end()) return std::nullopt;
  return *found;
}

}  // namespace lockstep::sglang
