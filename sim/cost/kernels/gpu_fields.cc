#include <deque>
#include <string>

#include "sim/cost/hardware_fields.h"

namespace lockstep {
namespace {

template <auto... Members>
constexpr auto kGpu = &member<&Hardware::gpu, Members...>;

constexpr double kMostTime = 10'000;  // us
constexpr double kLeastShare = 1e-5;  // of a plain kernel, not of a library's

// Rows whose paths are put together; the table keeps the text.
class Table {
 public:
  void row(HardwareField field) { fields_.push_back(field); }

  // gpu.NAME.efficiency and the rest of one kernel.
  template <auto Kernel>
  void tiles(const std::string& name) {
    using C = TileConstants;
    share<Kernel, &C::efficiency>(name, "efficiency", "reached of the arithmetic peak");
    share<Kernel, &C::memory_efficiency>(name, "memory_efficiency", "reached of the memory's peak");
    time<Kernel, &C::floor_us>(name, "floor_us", "of the smallest shape");
    time<Kernel, &C::wave_us>(name, "wave_us", "that each wave over the SMs adds");
  }

  template <auto Kernel>
  void roofline(const std::string& name) {
    using C = RooflineConstants;
    share<Kernel, &C::efficiency>(name, "efficiency", "reached of the arithmetic peak");
    share<Kernel, &C::memory_efficiency>(name, "memory_efficiency", "reached of the memory's peak");
    time<Kernel, &C::floor_us>(name, "floor_us", "of the smallest shape");
  }

  std::span<const HardwareField> fields() const { return fields_; }

 private:
  template <auto... Members>
  void share(const std::string& name, const std::string& constant, std::string_view meaning) {
    row({path(name, constant), "ratio", meaning, kLeastShare, 1, kGpu<Members...>});
  }
  template <auto... Members>
  void time(const std::string& name, const std::string& constant, std::string_view meaning) {
    row({path(name, constant), "us", meaning, 0, kMostTime, kGpu<Members...>});
  }
  std::string_view path(const std::string& name, const std::string& constant) {
    return texts_.emplace_back("gpu." + name + "." + constant);
  }

  std::deque<std::string> texts_;  // a deque never moves what it holds
  std::vector<HardwareField> fields_;
};

void add_peaks(Table& table) {
  using G = GpuConstants;
  constexpr double kMostRate = 1e6;
  table.row({"gpu.sms", "count", "streaming multiprocessors", 1, 1000, kGpu<&G::sms>});
  table.row({"gpu.memory_GB", "GB", "of one GPU", 0.001, 10'000, kGpu<&G::memory_GB>});
  table.row({"gpu.hbm_GBps", "GB/s", "peak of its memory", 0.001, kMostRate, kGpu<&G::hbm_GBps>});
  table.row({"gpu.bf16_TFLOPS", "TFLOPS", "dense peak in bfloat16", 0.001, kMostRate,
             kGpu<&G::bf16_TFLOPS>});
  table.row({"gpu.fp8_TFLOPS", "TFLOPS", "dense peak in fp8; 0: computed in bfloat16", 0, kMostRate,
             kGpu<&G::fp8_TFLOPS>});
  table.row({"gpu.fp4_TFLOPS", "TFLOPS", "dense peak in fp4; 0: computed in fp8", 0, kMostRate,
             kGpu<&G::fp4_TFLOPS>});
}

void add_attention(Table& table) {
  using G = GpuConstants;
  using A = AttentionConstants;
  table.row({"gpu.attention.query_rows", "count", "queries of one head that a block computes", 1,
             4096, kGpu<&G::attention, &A::query_rows>});
  table.row({"gpu.attention.head_columns", "count",
             "columns of a head are computed in multiples of it", 1, 4096,
             kGpu<&G::attention, &A::head_columns>});
  table.row({"gpu.attention.blocks_per_sm", "ratio", "blocks that an SM needs to be busy", 0.01,
             1024, kGpu<&G::attention, &A::blocks_per_sm>});
  table.row({"gpu.attention.apart", "count",
             "1: each request is a launch of its own, one after another; 0: all are one", 0, 1,
             kGpu<&G::attention, &A::apart>});
}

// What goes row by row.
void add_rows(Table& table) {
  using G = GpuConstants;
  table.row({"gpu.elementwise.memory_efficiency", "ratio", "reached of the memory's peak",
             kLeastShare, 1, kGpu<&G::elementwise, &CopyConstants::memory_efficiency>});
  table.row({"gpu.elementwise.floor_us", "us", "of the smallest shape", 0, kMostTime,
             kGpu<&G::elementwise, &CopyConstants::floor_us>});
  table.row({"gpu.norm.rows_per_sm", "count", "rows at a time on one SM", 1, 1024,
             kGpu<&G::norm, &NormConstants::rows_per_sm>});
  table.row({"gpu.norm.row_us", "us", "a row of a norm whatever its width; 0: its bytes decide", 0,
             kMostTime, kGpu<&G::norm, &NormConstants::row_us>});
  table.row({"gpu.norm.columns_us", "us", "1,024 columns of a norm's row; 0: its bytes decide", 0,
             kMostTime, kGpu<&G::norm, &NormConstants::columns_us>});
  table.row({"gpu.top_k.floor_us", "us", "of the smallest shape", 0, kMostTime,
             kGpu<&G::top_k, &TopKConstants::floor_us>});
  table.row({"gpu.top_k.pass_us", "us", "one pass over a row's scores", 0, kMostTime,
             kGpu<&G::top_k, &TopKConstants::pass_us>});
  table.row({"gpu.top_k.rows_per_sm", "count", "rows at a time on one SM", 1, 1024,
             kGpu<&G::top_k, &TopKConstants::rows_per_sm>});
}

Table made() {
  using G = GpuConstants;
  Table table;
  add_peaks(table);
  table.tiles<&G::gemm_bf16>("gemm.bf16");
  table.tiles<&G::gemm_fp8>("gemm.fp8");
  table.tiles<&G::gemm_fp4>("gemm.fp4");
  table.tiles<&G::experts_bf16>("experts.bf16");
  table.tiles<&G::experts_fp8>("experts.fp8");
  table.tiles<&G::experts_fp4>("experts.fp4");
  table.tiles<&G::experts_int4>("experts.int4");
  table.tiles<&G::prefill_bf16>("prefill.bf16");
  table.tiles<&G::prefill_fp8>("prefill.fp8");
  table.tiles<&G::latent_prefill_bf16>("latent_prefill.bf16");
  table.tiles<&G::latent_prefill_fp8>("latent_prefill.fp8");
  table.roofline<&G::decode_bf16>("decode.bf16");
  table.roofline<&G::decode_fp8>("decode.fp8");
  table.roofline<&G::latent_decode_bf16>("latent_decode.bf16");
  table.roofline<&G::latent_decode_fp8>("latent_decode.fp8");
  add_attention(table);
  add_rows(table);
  return table;
}

}  // namespace

std::span<const HardwareField> gpu_fields() {
  static const Table table = made();
  return table.fields();
}

}  // namespace lockstep
