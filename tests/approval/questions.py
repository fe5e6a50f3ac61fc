"""What is asked: every command over kinds of models, runtimes, devices and formats, as a command line each.

`QUESTIONS` are all of them; `kept` says which answers stand in the repository. The others are for a rebuild:
``python -m tests.approval.record FOLDER`` at two commits, then ``python -m tests.approval.compare FOLDER FOLDER``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

CONFIGS = "tests/truth/configs"

#: A model of each kind.
MODELS = {
    "dense": "pythia-2.8b",
    "gqa": "llama-3.1-8b",
    "gqa-large": "llama-3.1-70b",
    "window": "gemma-3-27b",
    "window-all": "mistral-7b-v0.1",
    "mla": "deepseek-v3",
    "mla-small": "deepseek-v2-lite",
    "moe": "mixtral-8x7b",
    "moe-fine": "qwen3-30b-a3b",
    "moe-mxfp4": "gpt-oss-20b",
    "hybrid": "qwen3-next-80b-a3b",
    "hybrid-mamba": "nemotron-h-8b",
    "recurrent": "mamba-2.8b",
    "recurrent-rwkv": "rwkv-4-7b",
    "encoder": "bert-base",
    "encoder-decoder": "t5-large",
    "vision": "vit-large",
    "vision-language": "qwen2.5-vl-7b",
    "bare": "7B",
    "bare-moe": "30B-A3B",
    "own": f"{CONFIGS}/qwen3-14b.json",
}
#: Models of which one answer in each form is enough.
SECOND = {
    "mha": "llama-2-13b",
    "tied": "gemma-2-9b",
    "one-kv-head": "falcon-7b",
    "mixture-of-sizes": "8x7B",
    "speech": "whisper-large-v3",
    "sparse-attention": "glm-5.2",
    "audio-encoder": "wav2vec2-base",
    "reported": "grok-1",
    "short": "bloom-7b1",
    "hybrid-attention": "falcon-h1-7b",
}
#: The formats that each runtime is asked for.
RUNTIMES = {
    "llama.cpp": ("q4_k_m", "q8_0"),
    "ollama": ("q4_k_m",),
    "vllm": ("bf16", "awq"),
    "sglang": ("bf16", "fp8"),
    "transformers": ("bf16", "nf4"),
    "mlx": ("mlx-4bit",),
    "exllama": ("exl3-4bpw",),
}
#: One card, two alike, two unlike, unified memory, a server, memory alone.
DEVICES = {
    "one": "rtx4090",
    "small": "rtx3060-12gb",
    "two": "2x rtx3090",
    "unlike": "rtx4090 + rtx3060-12gb",
    "unified": "m3-max:64GB",
    "server": "4x h100",
    "bare": "24GiB",
}

Question = tuple[str, ...]


def _estimates() -> Iterator[Question]:
    for model, (runtime, quants) in product(MODELS.values(), RUNTIMES.items()):
        devices = [word for device in DEVICES.values() for word in ("--gpu", device)]
        yield ("estimate", model, "-q", quants[0], "--runtime", runtime, *devices)
        yield ("estimate", model, *_each("-q", quants), "--runtime", runtime)
        yield ("estimate", model, "-q", quants[-1], "--runtime", runtime, "-c", "16k", "-b", "4", *devices)
    for model in (*MODELS.values(), *SECOND.values()):
        yield ("estimate", model)
        yield ("estimate", model, "-q", "q4_k_m", "--gpu", "rtx4090")
    for model in SECOND.values():
        yield ("estimate", model, "-q", "bf16", "-q", "fp8", "--gpu", "2x l40s")


def _each(flag: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (flag, value))


def _fits() -> Iterator[Question]:
    for model, device in product(MODELS.values(), DEVICES.values()):
        yield ("fits", device, model)
    for model, runtime in product(MODELS.values(), ("vllm", "sglang", "transformers")):
        yield ("fits", "2x rtx3090", model, "--runtime", runtime)
    for model in MODELS.values():
        yield ("fits", "m3-max:64GB", model, "--runtime", "mlx")
        yield ("fits", "rtx4090", model, "--runtime", "ollama", "-c", "8k")
        yield ("fits", "rtx4090", model, "-q", "q4_k_m", "-q", "awq", "-c", "8k", "-b", "2")
    for device in (*DEVICES.values(), "l40s", "8GiB", "m4-pro"):
        yield ("fits", device, "--all")
    yield ("fits",)
    yield ("fits", "2x arc-a310", "gemma-7b", "-q", "q3_k_l")
    yield ("fits", "2x rtx3090", "ling-flash-2.0", "-q", "q3_k_m")


def _needs() -> Iterator[Question]:
    for model in MODELS.values():
        yield ("needs", model, "--all")
        yield ("needs", model, "-q", "q4_k_m", "--max-count", "4")
    for model, runtime in product(("llama-3.1-8b", "mixtral-8x7b", "qwen3-32b"), RUNTIMES):
        yield ("needs", model, "--runtime", runtime)
    yield ("needs", "qwen3-32b", "-q", "fp8", "--runtime", "vllm", "--max-count", "8")


def _options() -> Iterator[Question]:
    llama = ("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx3060-12gb", "-c", "8k")
    for more in (
        ("-ngl", "0"),
        ("-ngl", "20"),
        ("-ngl", "all"),
        ("-ngl", "20", "--ram", "32GB", "--ram-bandwidth", "70GB/s"),
        ("-ngl", "0", "--ram-bandwidth", "70GB/s"),
        ("--ubatch", "2048"),
        ("--no-flash-attn",),
        ("--no-kv-offload",),
        ("--kv-dtype", "q8_0"),
        ("--kv-dtype", "k=q8_0,v=q4_0"),
        ("-b", "4", "--unified-kv"),
        ("--draft", "llama-3.2-1b"),
        ("--reserve", "1GiB"),
        ("--quant-map", "attn=q8_0"),
        ("--command",),
        ("--explain",),
    ):
        yield (*llama, *more)
    moe = ("estimate", "qwen3-30b-a3b", "-q", "q4_k_m", "--gpu", "rtx3060-12gb")
    for more in (("--ram", "64GB"), ("--n-cpu-moe", "24"), ("--ram", "64GB", "--ram-bandwidth", "80GB/s", "--command")):
        yield (*moe, *more)
    yield ("estimate", "gemma-3-27b", "-q", "q4_k_m", "--gpu", "rtx4090", "--swa-full", "-c", "32k")
    yield ("estimate", "gemma-3-27b", "-q", "q4_k_m", "--gpu", "rtx4090", "--mmproj", "f16")
    yield ("estimate", "pythia-70m", "-q", "q4_k_m", "--gpu", "rtx4090", "-ngl", "10", "--command")
    yield ("estimate", "glm-5.2", "-q", "iq2_m", "--gpu", "rtx3060-12gb", "--ram", "256GB", "--ram-bandwidth", "70GB/s")
    served = ("estimate", "llama-3.1-70b", "-q", "bf16", "--runtime", "vllm", "--gpu", "4x h100")
    for more in (
        (),
        ("--tp", "4"),
        ("--tp", "2", "--pp", "2"),
        ("--tp", "2", "--dp", "2"),
        ("--gpu-memory-utilization", "0.95", "--max-num-seqs", "64"),
        ("--max-num-batched-tokens", "4096", "--enforce-eager"),
        ("--kv-dtype", "fp8", "-c", "32k", "-b", "8", "--command"),
        ("--explain",),
    ):
        yield (*served, *more)
    yield ("estimate", "qwen3-32b", "-q", "fp8", "--runtime", "vllm", "--gpu", "3x l40s")
    yield ("estimate", "qwen3-30b-a3b", "-q", "fp8", "--runtime", "vllm", "--gpu", "8x l40s", "--ep", "--tp", "4")
    yield ("estimate", "jetmoe-8b", "-q", "awq", "-c", "512", "-b", "4", "--gpu", "8GiB", "--runtime", "vllm")
    pooled = ("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "sglang", "--gpu", "h100")
    for more in (("--mem-fraction-static", "0.8"), ("--chunked-prefill-size", "4096", "--command"), ("--explain",)):
        yield (*pooled, *more)
    plain = ("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "transformers", "--gpu", "rtx4090")
    for more in (("--attn", "eager", "-c", "8k"), ("--cache", "static"), ("--attn", "flash_attention_2", "--explain")):
        yield (*plain, *more)
    yield ("estimate", "llama-3.1-8b", "--runtime", "mlx", "--gpu", "m4-pro", "--prefill-step-size", "512", "--command")
    yield ("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--runtime", "ollama", "--gpu", "rtx4090", "--command")
    yield ("estimate", "ministral-3-8b", "-q", "q8_0", "-c", "2048", "-b", "2", "--gpu", "rtx4090 + rtx3060-12gb")
    yield ("estimate", "llama-13b", "-q", "q4_k_m", "-c", "8192", "--gpu", "rtx4090")
    yield ("estimate", "llama-3.3-70b", "-q", "awq", "--gpu", "2x rtx3090")
    yield ("estimate", "llama-3.1-8b", "-q", "all", "--gpu", "rtx4090")
    yield ("estimate", "llama-3.1-8b", "-q", "bf16", "--sparsity", "2:4")
    yield ("estimate", "llama-3.1-8b", "-q", "4.5bpw", "-q", "exl2-4.65bpw-h8")


def _others() -> Iterator[Question]:
    for model in (*MODELS.values(), *SECOND.values(), "gpt-4", "doubao", "switch-c-1.6t"):
        yield ("params", model)
    yield ("compare", "gpt-3", "llama-2-70b")
    yield ("compare", *list(MODELS.values())[:6])
    yield ("compare", "gpt-4", "llama-3.1-405b", "7B", "-q", "q4_k_m", "-q", "fp8")
    yield ("compare", "bert-base", "vit-large", "whisper-large-v3")
    for model in ("llama-3.1-8b", "deepseek-v3", "bert-base", "7B"):
        yield ("quants", "--all", "--model", model)
    yield ("models", "list", "llama")
    yield ("models", "list", "--open", "--max", "30B", "--since", "2025", "--sort", "released")
    yield ("models", "show", "deepseek-v3")
    yield ("models", "show", "gpt-4")
    yield ("devices", "list", "rtx40")
    yield ("devices", "show", "h100")
    yield ("quants", "show", "q4_k_m")
    yield ("quants", "list", "iq")


def _refused() -> Iterator[Question]:
    yield ("estimate", "llama-9-8b")
    yield ("estimate", "gpt-4")
    yield ("estimate", "llama-3.1-8b", "-q", "q9")
    yield ("estimate", "llama-3.1-8b", "--gpu", "rtx9999")
    yield ("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--tp", "2")
    yield ("estimate", "llama-3.1-8b", "-c", "-5")
    yield ("estimate", "t5-large", "--runtime", "vllm", "-q", "bf16")
    yield ("estimate", "-7B")
    yield ("fits", "rtx4090", "llama-3.1-8b", "-q", "mlx-4bit")
    yield ("needs", "llama-3.1-8b", "--max-count", "0")


def _every() -> Iterator[Question]:
    yield from _estimates()
    yield from _fits()
    yield from _needs()
    yield from _options()
    yield from _others()
    yield from _refused()


QUESTIONS: tuple[Question, ...] = tuple(dict.fromkeys((*question, "-o", "json") for question in _every()))
_SINGLE = {*_options(), *_refused(), *_others()}
#: Of the questions that are products, one in so many is kept.
_EACH = 8
#: Answers of many lines that others stand for.
_LONG = {
    ("fits",),
    ("estimate", "llama-3.1-8b", "-q", "all", "--gpu", "rtx4090"),
    *(("quants", "--all", "--model", model) for model in ("deepseek-v3", "bert-base", "7B")),
}


def kept() -> tuple[Question, ...]:
    """Those whose answers stand in the repository: all that are written out one by one, some of the others."""
    others = [question for question in QUESTIONS if question[:-2] not in _SINGLE and "--all" not in question]
    chosen = set(others[::_EACH])
    return tuple(q for q in QUESTIONS if (q[:-2] in _SINGLE or q in chosen) and q[:-2] not in _LONG)


def name(question: Question) -> str:
    """A file's name for it."""
    words = " ".join(Path(word).name if "/" in word and "." in word else word for word in question[:-2])
    return "".join(letter if letter.isalnum() or letter in ".-+:=" else "_" for letter in words)[:180]
