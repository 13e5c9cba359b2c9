// What one GPU can do: arithmetic, memory, and how much of it real kernels reach.
#pragma once

namespace lockstep {

// A kernel that works tile by tile, in waves over the SMs: time = floor + the longer of
// arithmetic at `efficiency` of the peak, and bytes at `memory_efficiency` of the memory's peak.
// docs/cost_models_kernels.md derives each.
struct TileConstants {
  double efficiency = 0;         // of the dense peak, of full waves
  double memory_efficiency = 0;  // of the memory's peak
  double floor_us = 0;           // of the smallest shape
  double wave_us = 0;            // what each wave adds: filling and draining its pipeline
  bool operator==(const TileConstants&) const = default;
};

// The same without waves: what fills the GPU at any shape.
struct RooflineConstants {
  double efficiency = 0;
  double memory_efficiency = 0;
  double floor_us = 0;
  bool operator==(const RooflineConstants&) const = default;
};

// How an attention kernel cuts its work. The defaults are those of serving libraries; `calibrate
// --kernels` sets those of the replay's own.
struct AttentionConstants {
  double query_rows = 128;   // queries of one head that a block computes
  double head_columns = 1;   // columns of a head are computed in multiples of it
  double blocks_per_sm = 1;  // that an SM needs to be busy
  double apart = 0;          // 1: each request is a launch of its own, one after another
  bool operator==(const AttentionConstants&) const = default;
};

// What only moves bytes.
struct CopyConstants {
  double memory_efficiency = 0.835;
  double floor_us = 3;
  bool operator==(const CopyConstants&) const = default;
};

// A norm gives a block of threads to each row; as many rows at a time as blocks fit. Where both
// times are 0 its bytes decide, as in the kernels of serving libraries; `calibrate --kernels` sets
// those of the replay's own.
struct NormConstants {
  double rows_per_sm = 8;  // blocks of 256 threads
  double row_us = 0;       // of a row whatever its width: the sum over its block
  double columns_us = 0;   // of 1,024 columns of a row
  bool operator==(const NormConstants&) const = default;
};

// The router's choice: each of `chosen` passes over the scores takes `pass_us`.
struct TopKConstants {
  double floor_us = 3;
  double pass_us = 0.06;
  double rows_per_sm = 16;  // one warp a row
  bool operator==(const TopKConstants&) const = default;
};

struct GpuConstants {
  double sms = 132;
  double memory_GB = 141;
  double hbm_GBps = 4800;    // peak
  double bf16_TFLOPS = 989;  // dense peaks
  double fp8_TFLOPS = 1979;
  double fp4_TFLOPS = 0;  // 0: computed in fp8, or else in bf16

  // By the number format of the arithmetic; int4: four-bit weights, arithmetic in bf16.
  TileConstants gemm_bf16 = {0.814, 0.839, 3.59, 0.593};
  TileConstants gemm_fp8 = {0.648, 0.827, 5.99, 0.591};
  TileConstants gemm_fp4 = {0.452, 0.593, 5.41, 0.477};
  TileConstants experts_bf16 = {0.578, 0.699, 29.9, 0.128};
  TileConstants experts_fp8 = {0.347, 0.693, 34, 0.469};
  TileConstants experts_fp4 = {0.206, 0.69, 15.6, 1.22};
  TileConstants experts_int4 = {0.179, 0.448, 12.9, 0};
  // By the number format of the cache; arithmetic is counted against the bf16 peak.
  TileConstants prefill_bf16 = {0.609, 0.316, 10.8, 3.37};
  TileConstants prefill_fp8 = {0.609, 0.316, 10.8, 3.37};
  TileConstants latent_prefill_bf16 = {0.609, 0.316, 10.8, 3.37};
  TileConstants latent_prefill_fp8 = {0.609, 0.316, 10.8, 3.37};
  RooflineConstants decode_bf16 = {0.223, 0.868, 10.8};
  RooflineConstants decode_fp8 = {0.181, 0.514, 15};
  RooflineConstants latent_decode_bf16 = {0.636, 0.919, 22.5};
  RooflineConstants latent_decode_fp8 = {0.636, 0.919, 22.5};
  AttentionConstants attention;
  CopyConstants elementwise;
  NormConstants norm;
  TopKConstants top_k;
  bool operator==(const GpuConstants&) const = default;
};

}  // namespace lockstep
