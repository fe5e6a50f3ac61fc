"""What to type: a model made of a GGUF file, and run; Ollama puts the layers that do not fit in RAM by itself.

Variables and parameters are those of Ollama 0.33.0-rc2 (envconfig/config.go, api/types.go).
"""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.llama_cpp.asked import cache_type
from llmscale.runtimes.llama_cpp.launch import gguf
from llmscale.runtimes.subject import Exact, Summary

#: What a tag of its library holds unless it says more (from memory).
LIBRARY = "q4_k_m"


def ollama_run(subject: Exact | Summary, work: Workload, called: ModelName) -> str:
    """The line; what only the server is told stands before it."""
    kind, flash, layers = cache_type(work.kv), work.option("flash_attn"), work.option("gpu_layers") or ""
    told = {
        "OLLAMA_NUM_PARALLEL": work.batch if work.batch > 1 else None,
        "OLLAMA_KV_CACHE_TYPE": kind if kind != "f16" else None,
        "OLLAMA_FLASH_ATTENTION": None if flash is None else int(flash),
    }
    server = " ".join(f"{name}={value}" for name, value in told.items() if value is not None)
    parameters = {
        "num_ctx": work.context,
        "num_batch": work.option("ubatch"),
        "num_gpu": layers if layers.isdecimal() else None,
    }
    lines = [f"FROM {_source(subject, called)}"]
    lines += [f"PARAMETER {name} {value}" for name, value in parameters.items() if value is not None]
    text = shlex.quote("".join(f"{line}\\n" for line in lines))
    name = shlex.quote(f"{called.id}-{subject.quant.id}")
    made = f"printf {text} > Modelfile && ollama create {name} && ollama run {name}"
    return f"{server} ollama serve & {made}" if server else made


def _source(subject: Exact | Summary, called: ModelName) -> str:
    """The model as Ollama finds it by itself: in its library, which has most in Q4_K_M, or on the hub; else a file."""
    if called.ollama and subject.quant.id == LIBRARY:
        return called.ollama
    if called.gguf and subject.quant.kind == "gguf" and not (subject.quant.keeps or subject.quant.stored):
        return f"hf.co/{called.gguf}:{subject.quant.id.removeprefix('gguf-').upper()}"
    return f"./{gguf(called.id, subject.quant.id)}"
