"""What is known of transformers without running any of it: the backends that PyTorch has, and its own options."""

from __future__ import annotations

from llmscale.runtimes.interface import Reads, RuntimeInfo
from llmscale.runtimes.option import Option

FLASH = "flash_attention_2"
ATTENTION = ("sdpa", "eager", FLASH)
CACHES = ("dynamic", "static")
INFO = RuntimeInfo(
    name="transformers",
    title="transformers",
    source="github.com/huggingface/transformers; the backends of PyTorch: CUDA, ROCm, XPU, MPS",
    vendors=("NVIDIA", "AMD", "Intel", "Apple"),
    reads=Reads.OPEN,
    by_tensors=True,
    bits={"int4": "nf4", "int8": "bnb-int8"},
    steps=("fp16", "bnb-int8", "nf4"),
    options=(
        Option("attn", ("--attn",), "text", "attention: sdpa, eager or flash_attention_2.", "A", choices=ATTENTION),
        Option(
            "prompt_tokens",
            ("--prompt-tokens",),
            "tokens",
            "tokens of the context that are the prompt. Default: all.",
            "N",
        ),
        Option("cache", ("--cache",), "text", "KV cache: dynamic or static.", "C", choices=CACHES),
    ),
)
