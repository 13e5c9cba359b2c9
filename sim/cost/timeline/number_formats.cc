#include "sim/cost/timeline/number_formats.h"

namespace lockstep {

Format attention_format(const Model& model) {
  if (model.quantization == "fp8") return {Number::fp8, Number::fp8};
  if (model.quantization == "int4" && model.n_routed_experts == 0) {
    return {Number::bf16, Number::int4};
  }
  return {};
}

Format dense_format(const Model& model) {
  if (model.quantization == "nvfp4") return {Number::fp4, Number::fp4};
  return attention_format(model);
}

Format experts_format(const Model& model) {
  if (model.quantization == "int4") return {Number::bf16, Number::int4};
  return dense_format(model);
}

}  // namespace lockstep
