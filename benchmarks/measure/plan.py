"""What is measured: which models, how long a prompt, with which attention, small ones first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from llmscale.catalogue import entries as catalogue
from llmscale.devices.sets import ANY_DEVICE
from llmscale.fit.place import place
from llmscale.fit.question import DEFAULT_KV
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.registry import runtime
from llmscale.sources.registry import load

DTYPE = "bf16"
ANSWER = 32
#: Each is there for something: a plain decoder, grouped heads, a window, soft caps, experts, a recurrent state, a large
#: vocabulary, learned positions; and sizes that fit cards from 8 GB on.
MODELS = (
    "gpt2",
    "smollm2-135m",
    "mamba-130m",
    "qwen2.5-0.5b",
    "qwen3-0.6b",
    "gemma-3-1b",
    "llama-3.2-1b",
    "gemma-2-2b",
    "llama-3.2-3b",
    "qwen3-4b",
    "olmoe-1b-7b",
    "mistral-7b-v0.3",
    "llama-3.1-8b",
    "gemma-2-9b",
    "qwen3-14b",
    "qwen3-30b-a3b",
    "qwen3-32b",
)
PROMPTS = (1, 512, 4096, 16384)
#: Attention and cache as transformers calls them.
WAYS = (("sdpa", "dynamic"), ("eager", "dynamic"), ("sdpa", "static"))
NO_ATTENTION = (("eager", "dynamic"),)
#: Tokens of a prompt that is run as a batch too, and of how many.
SEVERAL = (512, 8)
#: A case is tried only where this much of the free memory is expected to do.
FILLED = 0.9
#: Eager attention keeps the scores in the model's format, and in FP32 while it takes their softmax.
SCORE_BYTES = 2 + 2 + 4


class Case(NamedTuple):
    """One run: `prompt` tokens at once, then `answer` one by one, of `batch` sequences."""

    model: str
    prompt: int
    answer: int = ANSWER
    batch: int = 1
    attn: str = "sdpa"
    cache: str = "dynamic"
    dtype: str = DTYPE


def cases(free: int) -> list[Case]:
    """Those that are expected to fit into so many bytes, the smallest first."""
    found = [(expected(case), case) for case in _all()]
    return [case for size, case in sorted(found) if size <= FILLED * free]


def _all() -> Iterator[Case]:
    for model, prompt in product(MODELS, PROMPTS):
        longest = catalogue.entry(model).context
        if longest and prompt + ANSWER > longest:
            continue
        for attn, cache in WAYS if _heads(model) else NO_ATTENTION:
            yield Case(model, prompt, attn=attn, cache=cache)
            if prompt == SEVERAL[0] and cache == "dynamic":
                yield Case(model, prompt, batch=SEVERAL[1], attn=attn, cache=cache)


def _heads(model: str) -> int:
    """Of attention; 0 for a model without."""
    config = catalogue.entry(model).config or {}
    return int(config.get("num_attention_heads") or config.get("n_head") or 0)


def expected(case: Case) -> int:
    """About how many bytes it takes; only to know what to try."""
    transformers = runtime("transformers")
    subject = model_of(load(case.model).known()).subject(quant(case.dtype), transformers.info.name)
    work = Workload(case.prompt + case.answer, case.batch, number_format(DEFAULT_KV), 2)
    total = place(transformers, subject, work, ANY_DEVICE).placed.total
    scores = case.batch * _heads(case.model) * case.prompt**2 * SCORE_BYTES if case.attn == "eager" else 0
    return total + scores
