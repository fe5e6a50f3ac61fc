"""What is known of Ollama without running any of it; what it calls its options (envconfig/config.go, api/types.go)."""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.interface import Reads, RuntimeInfo
from llmscale.runtimes.llama_cpp.info import BITS, FLASH, LAYERS, RAM, STEPS, UBATCH

INFO = RuntimeInfo(
    name="ollama",
    serves=True,
    title="Ollama",
    source="github.com/ollama/ollama: docs/gpu.mdx, server/sched.go, llm/llama_server.go",
    vendors=("NVIDIA", "AMD", "Intel", "Apple"),
    reads=Reads.NAMED,
    usual=("q8_0", "q6_k", "q4_k_m"),
    steps=STEPS,
    options=(UBATCH, FLASH, LAYERS, RAM),
    bits=BITS,
    engine="llama.cpp",
    note=note("about_ollama"),
)
