// The trace of one step, to the picosecond, as a constant: every compiler and every build must give
// it. Hardware and costs are this file's own, so that better presets do not change it. Where the
// operations of a plan or a formula of kernels change on purpose, put the new number here, after
// Debug and Release, GCC and Clang agree on it.
#include <algorithm>
#include <string>

#include "sim/base/hash.h"
#include "tests/cost/timeline/fake_cost.h"
#include "tests/serving/inputs.h"

namespace lockstep::test {
namespace {

// Kimi K2.6 under DEP8 before SGLang's #24785: a prefill whose dense layer sums once too often.
Plan before_24785() {
  LoweringInput in = input(layout(8, 8, 8), "24785^",
                           batch(ForwardMode::extend, {1024, 37, 0, 512, 3, 128, 64, 900}));
  in.model = kimi_k2_6();
  Result<Plan> plan = lower(in);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  return std::move(*plan);
}

Hardware own_hardware() {
  Hardware hardware = no_launches();
  hardware.node.gpus = 8;
  hardware.node.link_GBps = 50;
  hardware.node.link_latency_us = 0.5;
  hardware.launch.eager_us = 4.5;
  return hardware;
}

// Kernels by the formulas, in double; collectives 5 us and their bytes at 300 GB/s.
class FormulaCost : public CostModel {
 public:
  FormulaCost() {
    gpu_.sms = 132;
    gpu_.hbm_GBps = 4800;
    gpu_.bf16_TFLOPS = 989;
    gpu_.gemm_bf16 = {0.8, 0.83, 3.6, 0.6};
    gpu_.experts_bf16 = {0.57, 0.7, 29.9, 0.13};
    gpu_.latent_prefill_bf16 = gpu_.prefill_bf16 = {0.6, 0.3, 10.8, 3.4};
    gpu_.elementwise = {0.835, 3};
    gpu_.top_k = {3, 0.06, 16};
  }
  Duration kernel(const Kernel& kernel) const override { return kernel_time(kernel, gpu_); }
  CollectiveTime collective(const CollectiveCall& call) const override {
    CollectiveTime time;
    time.latency = us(5);
    time.transfer = us(static_cast<double>(call.bytes) / 300e3);  // 300 GB/s = 300,000 bytes/us
    time.algorithm = "ring";
    return time;
  }

 private:
  GpuConstants gpu_;
};

std::string trace_hash(const CostModel& cost, Fidelity fidelity) {
  TimelineOptions options;
  options.fidelity = fidelity;
  return hex64(ran(before_24785(), cost, own_hardware(), options).timeline.trace_hash);
}

TEST_CASE("the plan that is hashed has the double reduction of #24785") {
  const Plan plan = before_24785();
  CHECK(std::ranges::any_of(plan.operations, [](const Operation& op) {
    return op.kind == OpKind::all_reduce && op.site.layer == 0 && op.site.module == "mlp";
  }));
}

TEST_CASE("durations that are given make the same trace in every build") {
  CHECK(trace_hash(FakeCost(), Fidelity::closed_form) == "ddf18f767a32f575");
}

TEST_CASE("durations that formulas compute make the same trace in every build") {
  CHECK(trace_hash(FormulaCost(), Fidelity::closed_form) == "bd63e2b34a2d22d1");
}

TEST_CASE("messages over shared links make the same trace in every build") {
  CHECK(trace_hash(FormulaCost(), Fidelity::messages) == "2ff8e588a18eec4e");
}

}  // namespace
}  // namespace lockstep::test
