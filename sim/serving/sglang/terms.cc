#include "sim/serving/sglang/terms.h"

namespace lockstep::sglang {
namespace {

int shares_of(SharedExperts shared, const Parallel& parallel) {
  switch (shared) {
    case SharedExperts::none:
    case SharedExperts::replicated:
      return 1;
    case SharedExperts::separate:
      return parallel.tp;
    case SharedExperts::fused:
      return parallel.moe_tp;
  }
  return 1;
}

class Maker {
 public:
  Maker(PlanBuilder& builder, const Model& model, const Family& family, const Parallel& parallel,
        int step, const std::string& prefix)
      : builder_(builder),
        model_(model),
        family_(family),
        parallel_(parallel),
        step_(step),
        prefix_(prefix) {}

  TermId term(const std::string& name, TermKind kind, int layer, int index = 0, int shares = 1) {
    return builder_.term({prefix_ + name, kind, step_, layer, index, shares});
  }

  LayerTerms layer(int layer, SharedExperts shared) {
    const std::string stem = "L" + std::to_string(layer);
    LayerTerms t;
    t.input = term("residual@" + stem, TermKind::residual, layer, 0);
    t.norm1 = term(stem + ".norm1", TermKind::norm, layer, 0);
    if (family_.qk_norm_all_heads) {
      t.qk_statistics =
          term(stem + ".attn.qk_norm", TermKind::statistics, layer, 0, parallel_.attn_tp);
    }
    t.attention = term(stem + ".attn.o_proj", TermKind::attention, layer, 0, parallel_.attn_tp);
    if (family_.o_proj_bias && model_.attention_bias) {
      t.attention_bias = term(stem + ".attn.o_proj.bias", TermKind::bias, layer);
    }
    t.middle = term("residual@" + stem + ".mid", TermKind::residual, layer, 1);
    t.norm2 = term(stem + ".norm2", TermKind::norm, layer, 1);
    if (!model_.is_sparse(layer)) {
      const int shares = parallel_.dense_tp_1 ? 1 : parallel_.tp;
      t.dense = term(stem + ".mlp.down", TermKind::dense, layer, 0, shares);
      return t;
    }
    t.router = term(stem + ".router", TermKind::router, layer);
    t.routed = term(stem + ".moe.expert", TermKind::routed, layer, 0,
                    model_.n_routed_experts * parallel_.moe_tp);
    if (shared != SharedExperts::none) {
      t.shared = term(stem + ".shared", TermKind::shared, layer, 0, shares_of(shared, parallel_));
    }
    return t;
  }

 private:
  PlanBuilder& builder_;
  const Model& model_;
  const Family& family_;
  const Parallel& parallel_;
  int step_;
  const std::string& prefix_;
};

void close_layers(PlanBuilder& builder, const ModelTerms& terms) {
  builder.close(terms.layers.front().input, {terms.embedding});
  for (std::size_t l = 0; l < terms.layers.size(); ++l) {
    const LayerTerms& t = terms.layers[l];
    builder.close(t.middle, t.attention_bias.exists()
                                ? std::vector{t.input, t.attention, t.attention_bias}
                                : std::vector{t.input, t.attention});
    std::vector<TermId> parts{t.middle};
    for (const TermId part : {t.dense, t.routed, t.shared}) {
      if (part.exists()) parts.push_back(part);
    }
    builder.close(terms.after(l), std::move(parts));
  }
}

}  // namespace

ModelTerms make_terms(PlanBuilder& builder, const Model& model, const Family& family,
                      const Parallel& parallel, const std::vector<SharedExperts>& shared,
                      bool embedding_sharded, int step, const std::string& prefix) {
  Maker make(builder, model, family, parallel, step, prefix);
  ModelTerms terms;
  terms.embedding =
      make.term("embedding", TermKind::embedding, -1, 0, embedding_sharded ? parallel.attn_tp : 1);
  for (int layer = 0; layer < model.num_hidden_layers; ++layer) {
    terms.layers.push_back(make.layer(layer, shared[static_cast<std::size_t>(layer)]));
  }
  terms.final_residual = make.term("residual@final", TermKind::residual, -1, 2);
  terms.final_norm = make.term("norm", TermKind::norm, -1, 2);
  terms.logits = make.term("logits", TermKind::logits, -1);
  close_layers(builder, terms);
  return terms;
}

}  // namespace lockstep::sglang
