#include "backend/nccl/measure_kernels.h"

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/cuda_machine.h"
#include "backend/nccl/kernel_runs.h"
#include "backend/nccl/kernel_timer.h"
#include "backend/nccl/launch/command.h"
#include "backend/nccl/launch/placement.h"
#include "backend/nccl/launch/probe.h"

namespace lockstep::nccl {
namespace {

// What one kernel cannot, too little memory say, the next may.
KernelTime measured_time(const Kernel& kernel, Device& device) {
  KernelTime told;
  try {
    const KernelRun run = kernel_run(kernel, device);
    told.why_not = run.why_not;
    if (run.enqueue) told.time = time_of(device, run.copies, run.enqueue);
  } catch (const OutOfMemory& error) {
    told.why_not = error.what();
  } catch (const CudaError& error) {
    if (error.is_fatal()) throw;
    told.why_not = error.what();
  }
  device.memory().trim();
  return told;
}

}  // namespace

KernelTimes measure_kernels(std::span<const Kernel> kernels) {
  KernelTimes told;
  const Machine machine = probed([] { return look_at_machine(""); });
  told.refused = refusal(machine, kOldestCapability);
  if (told.refused) return told;
  told.machine = text_of(machine);
  try {
    Device device(0);
    for (const Kernel& kernel : kernels) told.kernels.push_back(measured_time(kernel, device));
  } catch (const CudaError& error) {
    told.refused = plain_fault(std::string("the GPU failed: ") + error.what(),
                               "leave out the shape that it failed at");
  }
  return told;
}

}  // namespace lockstep::nccl
