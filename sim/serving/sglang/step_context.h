// What every part of the lowering of one step works with.
#pragma once

#include "sim/model/model.h"
#include "sim/parallel/parallel.h"
#include "sim/serving/family.h"
#include "sim/serving/sglang/emitter.h"
#include "sim/serving/sglang/settings.h"
#include "sim/serving/sglang/step_tables.h"
#include "sim/serving/sglang/terms.h"

namespace lockstep::sglang {

struct Groups {
  GroupId tp;
  GroupId attn_tp;
  GroupId moe_ep;
  GroupId moe_tp;
};

// Ranks whose gathers follow one padding mode; empty: all.
struct PaddingRanks {
  Padding padding = Padding::none;
  RankSet ranks;
};

struct StepContext {
  const Model& model;
  const Family& family;
  const Parallel& parallel;
  const Settings& settings;
  const Groups& groups;
  const std::vector<PaddingRanks>& padding;  // more than one entry: the ranks disagree (V0)
  Emitter& emit;
  StepTables& tables;
  const ModelTerms& terms;

  // What a value sharded over a group is partial over: nothing where the group has one member.
  GroupId owed_to_tp() const { return parallel.tp > 1 ? groups.tp : GroupId::none(); }
  GroupId owed_to_attn_tp() const {
    return parallel.attn_tp > 1 ? groups.attn_tp : GroupId::none();
  }
};

}  // namespace lockstep::sglang
