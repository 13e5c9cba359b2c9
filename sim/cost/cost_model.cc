#include "sim/cost/cost_model.h"

namespace lockstep {
namespace {

class ByConstants : public CostModel {
 public:
  explicit ByConstants(const Hardware& hardware) : hardware_(hardware) {}

  Duration kernel(const Kernel& kernel) const override {
    return kernel_time(kernel, hardware_.gpu);
  }
  CollectiveTime collective(const CollectiveCall& call) const override {
    try {
      return collective_time(call, hardware_);
    } catch (const ClockOverflow&) {
      throw ClockOverflow(describe(call));
    }
  }

 private:
  Hardware hardware_;
};

}  // namespace

std::unique_ptr<const CostModel> cost_model(const Hardware& hardware) {
  return std::make_unique<const ByConstants>(hardware);
}

}  // namespace lockstep
