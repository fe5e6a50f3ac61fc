"""What was compiled of a model is as near to the runtime's own placement as it says, and no verdict is missed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmscale.answers.catalogued import Entry, all_models
from llmscale.answers.question import question
from llmscale.devices.sets import device_set
from llmscale.errors import LlmscaleError
from llmscale.fit.place import place
from llmscale.fit.subject import Listed
from llmscale.formats.catalogue import quant
from llmscale.runtimes.placed import Off, Placement
from llmscale.runtimes.registry import runtime
from llmscale.runtimes.subject import Summary

CARDS = {
    "transformers": ("rtx4090", "2x rtx4090"),
    "vllm": ("rtx4090", "rtx3060", "2x rtx4090", "4x h100"),
    "sglang": ("rtx4090", "rtx3060", "2x rtx4090", "4x h100"),
    "mlx": ("m3-max:64GB", "m4:16GB"),
    "exllama": ("rtx4090", "2x rtx3090"),
    "llama.cpp": ("rtx4090", "2x rtx3090"),
}
QUANTS = {
    "transformers": ("bf16", "nf4", "fp32"),
    "vllm": ("bf16", "fp8", "awq", "gptq-int8-g32", "nvfp4"),
    "sglang": ("bf16", "awq"),
    "mlx": ("mlx-4bit", "bf16"),
    "exllama": ("exl3-4.0bpw",),
    "llama.cpp": ("q4_k_m",),
}
ASKED = ((4096, 1), (700, 1), (20_000, 1), (4096, 8))


def screened(name: str, every: int) -> Iterator[tuple[str, Off, Placement, Placement]]:
    """What was asked, how far off its screening says to be, the screening and the placement."""
    it = runtime(name)
    for number, card in enumerate(CARDS[name]):
        devices = device_set(card)
        for turn, (context, batch) in enumerate(ASKED):
            asked = question(context, batch)
            for entry in list(all_models(None))[(7 * number + turn) % every :: every]:
                for form in QUANTS[name] if isinstance(entry.model, Listed) else ():
                    try:
                        work = asked.work(entry.model.about, quant(form), [devices])
                        summary = entry.model.subject(quant(form), it.info.engine or name)
                        assert isinstance(summary, Summary)
                        found = place(it, summary, work, devices).placed
                        error = it.screen_error(summary, work, devices)
                        own = _own(entry, name, form, context, batch, card)
                    except LlmscaleError:
                        continue
                    yield f"{entry.reference} {form} {card} -c {context} -b {batch}", error, found, own


def _own(entry: Entry, name: str, form: str, context: int, batch: int, card: str) -> Placement:
    it, devices = runtime(name), device_set(card)
    work = question(context, batch).work(entry.model.about, quant(form), [devices])
    return place(it, entry.counted().subject(quant(form), it.info.engine or name), work, devices).placed


@pytest.mark.parametrize("name", CARDS)
def test_a_screening_is_no_further_off_than_it_says_and_misses_no_verdict(name: str) -> None:
    compared = settled = 0
    for what, error, found, own in screened(name, 47):
        compared += 1
        assert -error.less <= own.used / found.used - 1 <= error.more, what
        if not error.leaves_open(found):
            settled += 1
            assert own.fits == found.fits, what
    assert settled > compared / 3 > 20
