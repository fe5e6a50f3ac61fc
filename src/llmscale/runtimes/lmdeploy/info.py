"""What is known of LMDeploy's TurboMind engine without running any of it; options under its own names.

Read in LMDeploy 0.16.0 (commit 1263d5c): ``lmdeploy/turbomind/supported_models.py`` (`SUPPORTED_ARCHS`),
``lmdeploy/turbomind/weight_format.py`` (which checkpoints), ``lmdeploy/cli/utils.py`` (`ArgumentHelper`). What is not
listed there LMDeploy runs by its PyTorch engine, which is not modelled. Of what is listed, Qwen3.5 keeps recurrent
states and GLM-4.7-Flash latents, which are refused.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.option import Option

MOST = 1 << 20
FAMILIES = """
    glm4_moe_lite gpt_oss internlm2 internlm3 internvl internvl_chat llama mixtral qwen2 qwen2_5_vl qwen2_moe qwen2_vl
    qwen3 qwen3_5 qwen3_5_moe qwen3_moe
"""
#: ``--quant-policy``: bits of K and V; 0 for those of the activations.
POLICIES = ("0", "4", "8")
INFO = RuntimeInfo(
    name="lmdeploy",
    title="LMDeploy",
    source="github.com/InternLM/lmdeploy: lmdeploy/turbomind/supported_models.py, src/turbomind (CUDA alone)",
    vendors=("NVIDIA",),
    runs=Runs(only=frozenset(FAMILIES.split())),
    reads=Reads.NAMED,
    besides=frozenset({"bf16", "fp16", "awq", "gptq-int4-g128", "w4a16", "fp8-block", "mxfp4"}),
    usual=("bf16", "fp8-block", "awq"),
    bits={"int4": "awq", "int8": "fp8-block"},
    steps=("bf16", "fp8-block", "awq"),
    options=(
        Option("tp", ("--tp",), "whole", "tensor parallel size.", "N", least=1, most=MOST),
        Option("cache_max_entry_count", ("--cache-max-entry-count",), "share", "share of free memory for KV.", "F"),
        Option("quant_policy", ("--quant-policy",), "text", "bits of the KV cache.", "N", choices=POLICIES),
        Option("session_len", ("--session-len",), "tokens", "tokens of one sequence.", "N", least=1, most=1 << 30),
        Option("max_batch_size", ("--max-batch-size",), "whole", "sequences at once.", "N", least=1, most=MOST),
        Option(
            "max_prefill_token_num",
            ("--max-prefill-token-num",),
            "whole",
            "tokens of a prefill step.",
            "N",
            least=1,
            most=MOST,
        ),
    ),
    shares_tensors=True,
    note=note("about_lmdeploy"),
)
