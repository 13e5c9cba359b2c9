// Deployments to enumerate: every model preset, every layout up to 16 ranks, every kind of batch.
#pragma once

#include <string>
#include <vector>

#include "sim/serving/input.h"

namespace lockstep::test {

struct GridLayout {
  int tp = 1;
  int dp = 1;
  int ep = 1;
  int dense_tp = 0;  // moe_dense_tp_size; 0: unset
  bool dp_attention = false;
  bool dp_lm_head = false;
  const char* a2a = "none";
};

enum class Mode { extend, eager_decode, captured_decode, mixed };
// captured: the prefill graph holds the step; automatic: it is too small for it.
enum class Pad { captured, automatic, max_len, sum_len };
enum class Pattern { balanced, unbalanced, some_idle, one_busy };

struct GridBatch {
  Mode mode = Mode::extend;
  Pad pad = Pad::automatic;
  Pattern pattern = Pattern::balanced;
};

// tp 1 to 16 in powers of two; dp and ep dividing it; every combination of the other flags. Several
// shards without DP attention, which is refused, only once for each three sizes.
std::vector<GridLayout> all_layouts();
// Every combination of the three.
std::vector<GridBatch> all_batches();

// The model of a preset. `layers` 0: at full depth; else its dense layers and as many sparse ones
// after them, or as many dense ones in all where there are no sparse ones.
Model preset_model(const std::string& name, int layers);

LoweringInput input_of(const Model& model, const GridLayout& layout, const GridBatch& batch,
                       const std::string& revision);

// "kimi-k2.6 tp8 dp8 ep8 dense_tp1 deepep, extend sum_len some_idle".
std::string text_of(const Model& model, const GridLayout& layout, const GridBatch& batch);

}  // namespace lockstep::test
