"""What is known of KTransformers without running any of it: SGLang's options, and those of kt-kernel.

Read in KTransformers 0.7.0 (commit 95009ea): ``kt-kernel/README.md`` (the options, and which CPU format is whose),
``doc/en/kt-kernel/Native-Precision-Tutorial.md`` and the tutorials beside it (which models). Its GGUF backend
(``--kt-method LLAMAFILE``), MXFP4 and MXFP8 are not modelled.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.option import Option
from llmscale.runtimes.sglang.info import INFO as SGLANG

MOST = 1 << 20
FAMILIES = """
    deepseek_v3 deepseek_v32 glm4_moe glm_moe_dsa kimi_k2 kimi_k25 minimax_m2 qwen3_5_moe qwen3_moe qwen3_next
"""
#: ``--kt-method`` by the quant whose weights both sides share; the others are made of any.
NATIVE = {"bf16": "bf16", "fp8-block": "fp8", "fp8-dynamic": "fp8_perchannel", "w4a16-g32-experts": "rawint4"}
METHODS = (*NATIVE.values(), "amxint8", "amxint4")
INFO = RuntimeInfo(
    name="ktransformers",
    title="KTransformers",
    source="github.com/kvcache-ai/ktransformers: kt-kernel/README.md, doc/en/kt-kernel",
    vendors=("NVIDIA",),
    capability=SGLANG.capability,
    runs=Runs(only=frozenset(FAMILIES.split())),
    reads=Reads.NAMED,
    usual=("bf16", "fp8-block"),
    steps=("bf16", "fp8-block"),
    options=(
        *SGLANG.options,
        Option("kt_method", ("--kt-method",), "text", "CPU format of experts.", "NAME", choices=METHODS),
        Option(
            "kt_num_gpu_experts",
            ("--kt-num-gpu-experts",),
            "whole",
            "experts of each layer on GPUs. Default: 1.",
            "N",
            least=0,
            most=MOST,
            offloads=True,
        ),
        Option(
            "kt_gpu_prefill_token_threshold",
            ("--kt-gpu-prefill-token-threshold",),
            "whole",
            "tokens from which a layer's experts come.",
            "N",
            least=0,
            most=MOST,
        ),
        Option("ram", ("--ram",), "ram", "RAM for what is not on the device; 32GB is 32 GiB.", "SIZE", offloads=True),
    ),
    shares_tensors=True,
    engine=SGLANG.name,
    offloads=True,
    note=note("about_ktransformers"),
)
