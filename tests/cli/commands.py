"""A command of each kind, and its answer as JSON."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers import good

LOG = str(Path(__file__).resolve().parent.parent / "logs" / "ollama-qwen2.5-coder-7b.log")

COMMANDS: dict[str, list[str]] = {
    "estimate": ["estimate", "llama-2-7b"],
    "estimate size": ["estimate", "7B"],
    "estimate experts": ["estimate", "8x7B"],
    "estimate long": ["estimate", "llama-3.1-405b", "--context", "128k", "--batch", "1000"],
    "estimate devices": ["estimate", "llama-2-7b", "--gpu", "rtx4090", "--gpu", "2x rtx3090"],
    "estimate explained": ["estimate", "gemma-3-27b", "--explain"],
    "params": ["params", "deepseek-v3"],
    "params exact": ["params", "llama-2-7b", "--exact"],
    "params explained": ["params", "gpt2", "--explain"],
    "params undisclosed": ["params", "gpt-4"],
    "params size": ["params", "30B-A3B"],
    "compare": ["compare", "gpt-3", "llama-2-70b", "kimi-k2"],
    "compare undisclosed": ["compare", "gpt-4", "7B"],
    "fits": ["fits", "rtx4090"],
    "fits range": ["fits"],
    "fits some": ["fits", "2x rtx3090", "llama-2-70b", "8x7B"],
    "needs": ["needs", "llama-2-70b"],
    "needs nothing": ["needs", "deepseek-v3", "--quant", "fp32"],
    "models": ["models"],
    "models list": ["models", "list", "qwen"],
    "models list nothing": ["models", "list", "nosuchword"],
    "models show": ["models", "show", "llama-2-7b"],
    "models check": ["models", "check"],
    "devices": ["devices"],
    "devices list": ["devices", "list", "apple"],
    "devices show": ["devices", "show", "rtx4090"],
    "quants": ["quants"],
    "quants list": ["quants", "list", "int"],
    "quants show": ["quants", "show", "int4"],
    "train": ["train", "llama-3-8b", "--method", "lora", "--lora-rank", "16", "--lora-targets", "all-linear"],
    "train run": ["train", "llama-2-7b", "--tokens", "2T", "--gpu", "64x h100", "--price", "2", "--grid", "300"],
    "train explained": ["train", "bert-base", "--checkpointing", "full", "--optimizer", "adamw-8bit", "--explain"],
    "train reproduced": ["train", "--reproduce"],
    "scaling": ["scaling", "llama-2-7b", "--tokens", "2T", "--unique-tokens", "500B"],
    "scaling flops": ["scaling", "--flops", "5.76e23", "--serve-tokens", "1T"],
    "scaling budget": ["scaling", "--budget", "$1M", "--gpu", "h100"],
    "scaling trained": ["scaling", "--trained"],
    "serve-cost": ["serve-cost", "llama-3-8b", "--gpu", "h100"],
    "serve-cost own": [
        "serve-cost",
        "qwen3-8b",
        "-q",
        "q4_k_m",
        "--gpu",
        "rtx4090",
        "--kwh",
        "0.3",
        "--api-price",
        "0.5",
    ],
    "runtimes": ["runtimes"],
    "runtimes one": ["runtimes", "vllm"],
    "plugins": ["plugins"],
    "log": ["log", LOG],
}


@cache
def asked_for(*arguments: str) -> Any:
    """The answer as JSON; asked for once."""
    return good(*arguments, "-o", "json").json()
