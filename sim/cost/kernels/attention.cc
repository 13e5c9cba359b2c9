// Attention. Prefill computes blocks of 128 queries of one head, one to an SM; the blocks on the
// diagonal are computed whole, so that each query sees 64 positions more than it uses. Decode reads
// the cache once and computes while it reads.
#include "sim/cost/kernels/estimate.h"
#include "sim/cost/kernels/tiles.h"

namespace lockstep {
namespace {

constexpr double kQueryBlock = 128;

bool is_narrow(const Attention& attention) { return bytes_of(attention.cache) <= 1; }

KernelEstimate prefill(const Attention& attention, const GpuConstants& gpu) {
  const TileConstants& wide = attention.latent ? gpu.latent_prefill_bf16 : gpu.prefill_bf16;
  const TileConstants& narrow = attention.latent ? gpu.latent_prefill_fp8 : gpu.prefill_fp8;
  const TileConstants& constants = is_narrow(attention) ? narrow : wide;
  const auto tokens = static_cast<double>(attention.tokens);
  const auto requests = static_cast<double>(attention.requests);
  const auto heads = static_cast<double>(attention.heads);
  const auto dims = static_cast<double>(attention.qk_dim + attention.v_dim);
  const auto pairs = static_cast<double>(attention.pairs);
  const double blocks = heads * requests * ceil_div(tokens / requests, kQueryBlock);
  const double idle = blocks < gpu.sms ? gpu.sms / blocks : 1;  // SMs without a block
  const double of_arithmetic = peak_flops_per_us(Arithmetic::bf16, gpu) * constants.efficiency;
  KernelEstimate out;
  out.floor_us = constants.floor_us;
  out.flops = 2 * pairs * heads * dims;
  const double computed = 2 * (pairs + kQueryBlock / 2 * tokens) * heads * dims;
  out.compute_us = computed * idle / of_arithmetic + ceil_div(blocks, gpu.sms) * constants.wave_us;
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
  KernelEstimate out;
  out.floor_us = constants.floor_us;
  out.flops = 2 * static_cast<double>(attention.pairs) * heads * dims;
  out.compute_us = out.flops / (peak_flops_per_us(Arithmetic::bf16, gpu) * constants.efficiency);
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
