"""What is known of TensorRT-LLM's PyTorch backend without running any of it; options under its own names.

Read in TensorRT-LLM 1.2.0rc2 (commit b35ac1b) and after: ``docs/source/models/supported-models.md`` and the notes of
release 1.2 (which classes), ``docs/source/features/quantization.md`` and ``tensorrt_llm/_torch/model_config.py`` (which
checkpoints), ``tensorrt_llm/commands/serve.py`` (options). Of what is listed, Qwen3-Next and Nemotron-H keep states,
DeepSeek-V3.2 the keys of its indexer, and Llama 3.2 with its vision what it has seen: these are refused.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.option import Option

MOST = 1 << 20
FAMILIES = """
    deepseek_v3 deepseek_v32 exaone4 gemma3 gemma3_text glm4_moe gpt_oss hunyuan_v1_dense hunyuan_v1_moe kimi_k2 llama
    llama4 llama4_text llava_next mistral mistral3 mixtral mllama nemotron nemotron-nas nemotron_h phi3 qwen2 qwen2_5_vl
    qwen2_vl qwen3 qwen3_moe qwen3_next qwen3_vl seed_oss starcoder2
"""

#: docs/source/features/quantization.md, the table of hardware; MXFP4 on Hopper by `get_mxfp4_quant_algo` of
#: ``_torch/model_config.py``, FP8 in blocks on consumer Blackwell by ``_torch/modules/linear.py``. 12.1 is the newest.
KERNELS = {
    "fp8": (8.9, 12.1),
    "fp8-block": (9.0, 12.1),
    "nvfp4": (10.0, 12.1),
    "mxfp4": (9.0, 12.1),
    "w4a16": (8.0, 9.0),
}


def _whole(name: str, flags: tuple[str, ...], says: str, most: int = MOST) -> Option:
    return Option(name, flags, "whole", says, "N", least=1, most=most)


INFO = RuntimeInfo(
    name="tensorrt-llm",
    title="TensorRT-LLM",
    source="github.com/NVIDIA/TensorRT-LLM: docs/source/models/supported-models.md, tensorrt_llm/_torch/pyexecutor",
    vendors=("NVIDIA",),
    # docs/source/features/quantization.md: Ampere is the oldest of its table.
    capability=(8.0, 8.0),
    runs=Runs(only=frozenset(FAMILIES.split())),
    reads=Reads.NAMED,
    kernels=KERNELS,
    usual=("bf16", "fp8", "nvfp4"),
    bits={"int4": "nvfp4", "int8": "fp8"},
    steps=("bf16", "fp8", "nvfp4"),
    options=(
        _whole("tp", ("--tp", "--tp_size"), "tensor parallel size."),
        _whole("pp", ("--pp", "--pp_size"), "pipeline parallel size."),
        _whole("ep_size", ("--ep_size", "--moe_expert_parallel_size"), "expert parallel size, of the tensor ranks."),
        Option(
            "free_gpu_memory_fraction",
            ("--kv_cache_free_gpu_memory_fraction",),
            "share",
            "share of free memory for KV.",
            "F",
        ),
        _whole("max_batch_size", ("--max-batch-size", "--max_batch_size"), "sequences at once."),
        _whole("max_num_tokens", ("--max_num_tokens",), "tokens of one step."),
        Option("max_seq_len", ("--max_seq_len",), "tokens", "tokens of one sequence.", "N", least=1, most=1 << 30),
    ),
    shares_tensors=True,
    note=note("about_tensorrt_llm"),
)
