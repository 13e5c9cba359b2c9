// Attention. Prefill computes blocks of so many queries of one head, one or more to an SM; the
// blocks on the diagonal are computed whole, so that each query sees half a block more positions
// than it uses. Decode reads the cache once and computes while it reads. Where each request is a
// launch of its own, they take their times one after another, and a decode of few heads leaves SMs
// idle, too.
#include "sim/cost/kernels/estimate.h"
#include "sim/cost/kernels/tiles.h"

namespace lockstep {
namespace {

// How requests, heads and columns are cut into launches and blocks.
struct Cut {
  double launches = 1;
  double blocks = 1;   // of one launch
  double waves = 1;    // likewise
  double idle = 1;     // how much longer it takes since SMs have too few blocks
  double columns = 0;  // of a query and a value that are computed
};

Cut cut_of(const Attention& attention, const GpuConstants& gpu) {
  const AttentionConstants& kernel = gpu.attention;
  const auto requests = static_cast<double>(attention.requests);
  const double new_tokens = static_cast<double>(attention.tokens) / requests;
  const auto whole = [&](std::int64_t columns) {
    return ceil_div(static_cast<double>(columns), kernel.head_columns) * kernel.head_columns;
  };
  Cut cut;
  cut.launches = kernel.apart > 0 ? requests : 1;
  cut.blocks = static_cast<double>(attention.heads) * (requests / cut.launches) *
               ceil_div(new_tokens, kernel.query_rows);
  const double slots = gpu.sms * kernel.blocks_per_sm;
  cut.waves = ceil_div(cut.blocks, slots);
  cut.idle = cut.blocks < slots ? slots / cut.blocks : 1;
  cut.columns = whole(attention.qk_dim) + whole(attention.v_dim);
  return cut;
}

bool is_narrow(const Attention& attention) { return bytes_of(attention.cache) <= 1; }

KernelEstimate prefill(const Attention& attention, const GpuConstants& gpu) {
  const TileConstants& wide = attention.latent ? gpu.latent_prefill_bf16 : gpu.prefill_bf16;
  const TileConstants& narrow = attention.latent ? gpu.latent_prefill_fp8 : gpu.prefill_fp8;
  const TileConstants& constants = is_narrow(attention) ? narrow : wide;
  const auto tokens = static_cast<double>(attention.tokens);
  const auto heads = static_cast<double>(attention.heads);
  const auto dims = static_cast<double>(attention.qk_dim + attention.v_dim);
  const auto pairs = static_cast<double>(attention.pairs);
  const Cut cut = cut_of(attention, gpu);
  const double of_arithmetic = peak_flops_per_us(Arithmetic::bf16, gpu) * constants.efficiency;
  KernelEstimate out;
  out.floor_us = cut.launches * constants.floor_us;
  out.flops = 2 * pairs * heads * dims;
  const double computed = 2 * (pairs + gpu.attention.query_rows / 2 * tokens) * heads * cut.columns;
  out.compute_us =
      computed * cut.idle / of_arithmetic + cut.launches * cut.waves * constants.wave_us;
  out.bytes =
      tokens * heads * dims * 2 + static_cast<double>(attention.kv_tokens * attention.kv_heads) *
                                      dims * bytes_of(attention.cache);
  out.memory_us = out.bytes / (peak_bytes_per_us(gpu) * constants.memory_efficiency);
  return out;
}

KernelEstimate decode(const Attention& attention, const GpuConstants& gpu) {
  const RooflineConstants& wide = attention.latent ? gpu.latent_decode_bf16 : gpu.decode_bf16;
  const RooflineConstants& narrow = attention.latent ? gpu.latent_decode_fp8 : gpu.decode_fp8;
  const RooflineConstants& constants = is_narrow(attention) ? narrow : wide;
  const auto heads = static_cast<double>(attention.heads);
  const auto dims = static_cast<double>(attention.qk_dim + attention.v_dim);
  // The values of a latent cache are a part of its keys.
  const auto cached =
      static_cast<double>(attention.latent ? attention.qk_dim : attention.qk_dim + attention.v_dim);
  const Cut cut = cut_of(attention, gpu);
  KernelEstimate out;
  out.floor_us = cut.launches * constants.floor_us;
  const auto pairs = static_cast<double>(attention.pairs);
  out.flops = 2 * pairs * heads * dims;
  // Requests together: the cache is cut over all SMs.
  const double idle = gpu.attention.apart > 0 ? cut.idle : 1;
  out.compute_us = 2 * pairs * heads * cut.columns * idle /
                   (peak_flops_per_us(Arithmetic::bf16, gpu) * constants.efficiency);
  out.bytes = static_cast<double>(attention.kv_tokens * attention.kv_heads) * cached *
                  bytes_of(attention.cache) +
              static_cast<double>(attention.tokens) * heads * dims * 2;
  out.memory_us = out.bytes / (peak_bytes_per_us(gpu) * constants.memory_efficiency);
  return out;
}

}  // namespace

KernelEstimate estimate(const Attention& attention, const GpuConstants& gpu) {
  const bool nothing = attention.tokens <= 0 || attention.requests <= 0 || attention.heads <= 0;
  if (nothing) return {};
  return attention.decode ? decode(attention, gpu) : prefill(attention, gpu);
}

}  // namespace lockstep
