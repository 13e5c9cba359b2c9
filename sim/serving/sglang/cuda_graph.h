// Which decode batches run as a captured CUDA graph (reference sheet, section 4.6).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/parallel/parallel.h"

namespace lockstep::sglang {

struct CaptureOptions {
  std::optional<std::vector<int>> sizes;  // the user's list replaces the generated one
  std::optional<int> largest;             // cuda_graph_max_bs
  bool every_size = false;                // disable_cuda_graph_padding
};

// The largest size that SGLang captures by default, by the memory of the generation's usual GPU:
// hopper H200 and ampere A100-80 256, from tp 4 on 512; blackwell 512; none (unknown memory) 160.
int default_largest_capture(const std::string& gpu, int tp);

// 1, 2, 4, 8, 12, then 16..256 by 8, 272..496 by 16, from 512 by 32, up to `largest`, which is
// always the last. REQUIRES: largest >= 1.
std::vector<int> generated_sizes(int largest);

// The captured sizes, ascending: multiples of attn_tp only, if a gathered buffer is needed.
std::vector<int> captured_sizes(const CaptureOptions& options, const std::string& gpu,
                                const Parallel& parallel);

// The smallest captured size that holds `rows`; nullopt if none does.
std::optional<int> bucket_of(const std::vector<int>& sizes, int rows);

}  // namespace lockstep::sglang
