"""Which published ``model_type`` a runtime has code for, where it is known to lack some.

Sources: the modules of ``mlx_lm/models`` and ``MODEL_REMAPPING`` of mlx-lm 0.32.2; the ``arch_string`` of every
architecture of exllamav3 1.6.5 together with those of exllamav2 (``exllamav2/architecture.py``, 7532969), which reads
what it does not know as a Llama; vLLM 0.19.0's ``model_executor/models/registry.py`` and SGLang 0.5.23's
``srt/models``, which run what they lack by the code of transformers, but for encoder-decoders, recurrent layers and,
with vLLM, Llama 3.2 with its vision.
"""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.names import SPELT

#: All that are run; of the others nothing is said.
RUN = {
    "mlx": frozenset(
        [
            "afmoe",
            "apertus",
            "bailing_moe",
            "cohere",
            "cohere2",
            "dbrx",
            "deepseek",
            "deepseek_v2",
            "deepseek_v3",
            "deepseek_v32",
            "dots1",
            "ernie4_5",
            "ernie4_5_moe",
            "exaone",
            "exaone4",
            "falcon_h1",
            "falcon_mamba",
            "gemma",
            "gemma2",
            "gemma3",
            "gemma3_text",
            "gemma3n",
            "gemma4",
            "gemma4_text",
            "glm",
            "glm4",
            "glm4_moe",
            "glm_moe_dsa",
            "gpt2",
            "gpt_bigcode",
            "gpt_neox",
            "gpt_oss",
            "gptj",
            "granite",
            "granitemoe",
            "granitemoehybrid",
            "helium",
            "hunyuan",
            "hunyuan_v1_dense",
            "internlm2",
            "jamba",
            "kimi_k2",
            "kimi_linear",
            "lfm2",
            "lfm2_moe",
            "llama",
            "llama4",
            "llama4_text",
            "llava",
            "longcat_flash",
            "mamba",
            "mamba2",
            "mimo_v2_flash",
            "minicpm",
            "minicpm3",
            "minimax",
            "minimax_m2",
            "ministral3",
            "mistral",
            "mistral3",
            "mixtral",
            "nemotron",
            "nemotron-nas",
            "nemotron_h",
            "olmo",
            "olmo2",
            "olmo3",
            "olmoe",
            "openelm",
            "phi",
            "phi3",
            "phimoe",
            "pixtral",
            "qwen",
            "qwen2",
            "qwen2_5_vl",
            "qwen2_moe",
            "qwen2_vl",
            "qwen3",
            "qwen3_5",
            "qwen3_5_moe",
            "qwen3_moe",
            "qwen3_next",
            "qwen3_vl",
            "qwen3_vl_moe",
            "recurrent_gemma",
            "seed_oss",
            "smollm3",
            "stablelm",
            "starcoder2",
            "xverse",
        ]
    ),
    "exllama": frozenset(
        [
            "Yi",
            "afmoe",
            "apertus",
            "arcee",
            "cohere",
            "cohere2",
            "dbrx",
            "deepseek_v3",
            "dots1",
            "ernie4_5",
            "ernie4_5_moe",
            "exaone4",
            "gemma",
            "gemma2",
            "gemma3",
            "gemma3_text",
            "gemma4",
            "gemma4_text",
            "glm4",
            "glm4_moe",
            "glm4v",
            "glm4v_moe",
            "glm_moe_dsa",
            "gpt2",
            "gpt_bigcode",
            "gpt_oss",
            "granite",
            "internlm2",
            "kimi_linear",
            "lfm2",
            "lfm2_moe",
            "llama",
            "llava",
            "minicpm",
            "minimax_m2",
            "ministral3",
            "mistral",
            "mistral3",
            "mixtral",
            "nemotron-nas",
            "nemotron_h",
            "olmo3",
            "orion",
            "phi3",
            "pixtral",
            "qwen2",
            "qwen2_5_vl",
            "qwen2_vl",
            "qwen3",
            "qwen3_5",
            "qwen3_5_moe",
            "qwen3_moe",
            "qwen3_next",
            "qwen3_vl",
            "qwen3_vl_moe",
            "seed_oss",
            "smollm3",
            "starcoder2",
            "yi",
        ]
    ),
}
#: Those that servers do not run, all others being run by their own code or that of transformers.
_NO_SERVER = frozenset(
    [
        "bart",
        "blenderbot",
        "blenderbot-small",
        "m2m_100",
        "marian",
        "mbart",
        "mt5",
        "pegasus",
        "recurrent_gemma",
        "rwkv",
        "t5",
        "umt5",
    ]
)
LACKING = {"vllm": _NO_SERVER | {"mllama"}, "sglang": _NO_SERVER}


def lacks(runtime: str, family: str) -> bool:
    """Whether `runtime` is known to have no code for models of this ``model_type``."""
    return family in LACKING.get(runtime, ()) or (runtime in RUN and family not in RUN[runtime])


def refuse_lacking(runtime: str, family: str, name: str) -> None:
    """Raises:
    UnsupportedModelError: a model that the runtime has no code for.
    """
    if family and lacks(runtime, family):
        raise UnsupportedModelError(
            f"{SPELT[runtime]} has no code for {name} (model_type {family}).", "Name another --runtime or --quant."
        )
