// The terms of a model in one step: what each producer contributes and how the residual stream
// closes.
#pragma once

#include <string>
#include <vector>

#include "sim/model/model.h"
#include "sim/parallel/parallel.h"
#include "sim/plan/builder.h"
#include "sim/serving/family.h"

namespace lockstep::sglang {

// How the shared experts of a sparse layer are computed (reference sheet, section 6.2).
enum class SharedExperts : std::uint8_t {
  none,
  separate,    // sharded over TP, added before the sum
  fused,       // an extra routed expert, on every expert-parallel rank
  replicated,  // whole on every rank, added after the sum
};

struct LayerTerms {
  TermId input;  // residual@Ll
  TermId norm1;
  TermId qk_statistics;
  TermId attention;
  TermId attention_bias;
  TermId middle;  // residual@Ll.mid
  TermId norm2;
  TermId dense;
  TermId router;
  TermId routed;
  TermId shared;
};

struct ModelTerms {
  TermId embedding;
  std::vector<LayerTerms> layers;
  TermId final_residual;
  TermId final_norm;
  TermId logits;

  // The residual stream after `layer`.
  TermId after(std::size_t layer) const {
    return layer + 1 < layers.size() ? layers[layer + 1].input : final_residual;
  }
};

// `shared[l]` says how layer l computes its shared experts; none for dense layers.
ModelTerms make_terms(PlanBuilder& builder, const Model& model, const Family& family,
                      const Parallel& parallel, const std::vector<SharedExperts>& shared,
                      bool embedding_sharded, int step, const std::string& prefix);

}  // namespace lockstep::sglang
