"""What is known of MLX without running any of it.

Its model types are the modules of ``mlx_lm/models`` and ``MODEL_REMAPPING`` of mlx-lm 0.32.2.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.option import Option

FAMILIES = """
    afmoe apertus bailing_moe cohere cohere2 dbrx deepseek deepseek_v2 deepseek_v3 deepseek_v32 dots1 ernie4_5
    ernie4_5_moe exaone exaone4 falcon_h1 falcon_mamba gemma gemma2 gemma3 gemma3_text gemma3n gemma4
    gemma4_text gemma4_unified gemma4_unified_text glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa gpt2 gpt_bigcode
    gpt_neox gpt_oss gptj granite granitemoe granitemoehybrid helium hunyuan hunyuan_v1_dense internlm2
    internlm3 jamba kimi_k2 kimi_k25 kimi_k3 kimi_linear kimi_vl laguna lfm2 lfm2_moe llama llama4 llama4_text
    llava longcat_flash mamba mamba2 mimo_v2_flash minicpm minicpm3 minimax minimax_m2 ministral3 mistral
    mistral3 mistral4 mixtral muse_glimmer nemotron nemotron-nas nemotron_h olmo olmo2 olmo3 olmoe openelm phi
    phi3 phimoe pixtral qwen qwen2 qwen2_5_vl qwen2_moe qwen2_vl qwen3 qwen3_5 qwen3_5_moe qwen3_moe qwen3_next
    qwen3_vl qwen3_vl_moe recurrent_gemma seed_oss smollm3 stablelm starcoder2 step3p5 xverse
"""
INFO = RuntimeInfo(
    name="mlx",
    title="MLX",
    source="github.com/ml-explore/mlx-lm: mlx_lm/models, mlx_lm/utils.py",
    vendors=("Apple",),
    runs=Runs(only=frozenset(FAMILIES.split())),
    reads=Reads.NAMED,
    usual=("bf16", "mlx-8bit", "mlx-4bit"),
    bits={"int4": "mlx-4bit", "int8": "mlx-8bit"},
    steps=("bf16", "mlx-8bit", "mlx-6bit", "mlx-5bit", "mlx-4bit"),
    options=(
        Option(
            "prefill_step_size",
            ("--prefill-step-size",),
            "whole",
            "tokens of a chunk of the prompt. Default: 2048.",
            "N",
            least=1,
            most=1 << 20,
        ),
    ),
    note=note("about_mlx"),
)
