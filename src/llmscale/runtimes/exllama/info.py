"""What is known of ExLlama without running any of it.

Its model types are the ``arch_string`` of every architecture of exllamav3 1.6.5 together with those of exllamav2
(``exllamav2/architecture.py``, 7532969), which reads what it does not know as a Llama.
"""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo

FAMILIES = """
    Yi afmoe apertus arcee cohere cohere2 dbrx deepseek_v3 dots1 ernie4_5 ernie4_5_moe exaone4 gemma gemma2
    gemma3 gemma3_text gemma4 gemma4_text glm4 glm4_moe glm4v glm4v_moe glm_moe_dsa gpt2 gpt_bigcode gpt_oss
    granite internlm2 kimi_linear lfm2 lfm2_moe llama llava minicpm minimax_m2 ministral3 mistral mistral3
    mixtral nemotron-nas nemotron_h olmo3 orion phi3 pixtral qwen2 qwen2_5_vl qwen2_vl qwen3 qwen3_5
    qwen3_5_moe qwen3_moe qwen3_next qwen3_vl qwen3_vl_moe seed_oss smollm3 starcoder2 yi
"""
INFO = RuntimeInfo(
    name="exllama",
    title="ExLlama",
    source="github.com/turboderp-org/exllamav3 and exllamav2: README (CUDA, and ROCm for EXL2)",
    vendors=("NVIDIA", "AMD"),
    runs=Runs(only=frozenset(FAMILIES.split())),
    reads=Reads.NAMED,
    usual=("exl3-6bpw", "exl3-4bpw", "exl3-3bpw"),
    bits={"int4": "exl3-4bpw", "int8": "exl3-8bpw"},
    steps=("exl3-6bpw", "exl3-4bpw", "exl3-3bpw"),
    note=note("about_exllama"),
)
