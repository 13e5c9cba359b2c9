#!/usr/bin/env python3
"""Writes a scenario of scenarios/scale/: a DeepSeek-V3-style model on thousands of ranks.

    tools/scale_scenario.py --tp 16384 --dp 16384 --revision 24785 --seed 7 > s.yaml
    tools/scale_scenario.py --all       writes the files of scenarios/scale/

Extend batches have a different token count on every shard, 1 to the number of shards in an order
that the seed chooses; decode batches have 1 to 32 requests a shard. Standard library only.
"""

import argparse
import random
import sys
import textwrap
from pathlib import Path

FILES = (
    # name, tp, dp, revision, mode, padding, verdict
    ("dep1024-after", 1024, 1024, "24785", "extend", "auto", "holds"),
    ("dep1024-before", 1024, 1024, "24785^", "extend", "auto", "violated"),
    ("dep16384-after", 16384, 16384, "24785", "extend", "auto", "holds"),
    ("dep16384-before", 16384, 16384, "24785^", "extend", "auto", "violated"),
    ("dep16384-max-len", 16384, 16384, "24785", "extend", "max_len", "holds"),
    ("dep16384-decode", 16384, 16384, "24785", "decode", "auto", "holds"),
    ("dp2048-attn-tp8", 16384, 2048, "24785", "extend", "auto", "holds"),
)


def counts(shards, mode, seed):
    draw = random.Random(seed)
    if mode == "decode":
        return [draw.randint(1, 32) for _ in range(shards)]
    order = list(range(1, shards + 1))
    draw.shuffle(order)
    return order


def text(name, tp, dp, revision, mode, padding, verdict, seed):
    tokens = textwrap.fill(", ".join(map(str, counts(dp, mode, seed))), 96,
                           initial_indent="    ", subsequent_indent="    ")
    lines = [
        f"# Written by tools/scale_scenario.py; the token counts are those of seed {seed}.",
        "lockstep: 1",
        f"name: {name}",
        "about: a model as deep as DeepSeek-V3, as wide and with as many experts as the ranks need",
        "model:",
        "  architectures: [DeepseekV3ForCausalLM]",
        "  model_type: deepseek_v3",
        "  num_hidden_layers: 61",
        "  hidden_size: 7168",
        "  first_k_dense_replace: 3",
        f"  intermediate_size: {2 * tp}",
        "  moe_intermediate_size: 2048",
        f"  n_routed_experts: {tp}",
        "  num_experts_per_tok: 8",
        "  n_shared_experts: 1",
        "  num_attention_heads: 128",
        "  num_key_value_heads: 128",
        "  q_lora_rank: 1536",
        "  kv_lora_rank: 512",
        "  qk_nope_head_dim: 128",
        "  qk_rope_head_dim: 64",
        "  v_head_dim: 128",
        "  vocab_size: 129280",
        "serving:",
        "  system: sglang",
        f"  revision: \"{revision}\"",
        f"parallel: {{tp_size: {tp}, dp_size: {dp}, ep_size: {tp}, enable_dp_attention: true}}",
        "batch:",
        f"  forward_mode: {mode}",
        f"  padding: {padding}",
        "  tokens: [",
        tokens + "]",
        "expect:",
        f"  verdict: {verdict}",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="write the files of scenarios/scale/")
    parser.add_argument("--tp", type=int, default=1024)
    parser.add_argument("--dp", type=int, default=1024)
    parser.add_argument("--revision", default="24785")
    parser.add_argument("--mode", choices=("extend", "decode"), default="extend")
    parser.add_argument("--padding", choices=("auto", "max_len", "sum_len"), default="auto")
    parser.add_argument("--verdict", default="holds")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    if not a.all:
        sys.stdout.write(text(f"scale-{a.tp}", a.tp, a.dp, a.revision, a.mode, a.padding,
                              a.verdict, a.seed))
        return
    folder = Path(__file__).resolve().parent.parent / "scenarios" / "scale"
    for seed, (name, *rest) in enumerate(FILES, 1):
        (folder / f"{name}.yaml").write_text(text(name, *rest, seed), encoding="utf-8")


if __name__ == "__main__":
    main()
