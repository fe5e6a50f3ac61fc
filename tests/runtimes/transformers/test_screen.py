"""What was compiled of a model is as near to its own placement as `screen_error` says."""

from __future__ import annotations

from math import inf

import pytest

from llmscale.answers.catalogued import all_models
from llmscale.answers.question import question
from llmscale.devices.sets import device_set
from llmscale.errors import LlmscaleError
from llmscale.fit.place import place
from llmscale.fit.subject import Listed
from llmscale.formats.catalogue import quant
from llmscale.runtimes.registry import runtime
from llmscale.runtimes.transformers.summary import SCREENED, TRACED


@pytest.mark.parametrize(
    ("context", "batch"), [(4096, 1), (8192, 1), (1000, 1), (6000, 1), (20_000, 1), (4096, 8), (3000, 3)]
)
def test_what_was_compiled_is_no_further_off_than_it_says(context: int, batch: int) -> None:
    one, devices, asked, compared = runtime("transformers"), device_set("80GiB"), question(context, batch), 0
    for entry in list(all_models(None))[context % 7 :: 23]:
        model, in_quant = entry.model, quant("bf16")
        if not isinstance(model, Listed):
            continue
        try:
            work = asked.work(model.about, in_quant, [devices])
            summary = model.subject(in_quant, "transformers")
            screened = place(one, summary, work, devices).placed
            placed = place(one, entry.counted().subject(in_quant, "transformers"), work, devices).placed
        except LlmscaleError:
            continue
        compared += 1
        assert abs(placed.used / screened.used - 1) <= one.screen_error(summary, work, devices), entry.reference
    assert compared > 20


def said(model: str, context: int, batch: int = 1) -> float:
    (entry,) = (found for found in all_models(None) if found.reference == model)
    one, devices, asked = runtime("transformers"), device_set("80GiB"), question(context, batch)
    work = asked.work(entry.model.about, quant("bf16"), [devices])
    return one.screen_error(entry.model.subject(quant("bf16"), "transformers"), work, devices)  # type: ignore[arg-type]


def test_it_is_near_where_it_was_traced_and_bent_lines_are_known() -> None:
    assert (said("llama-3.1-8b", 4096), said("llama-3.1-8b", 6000)) == (TRACED, SCREENED)
    assert said("gpt-neo-125m", 20_000) > 0.2 > said("gpt-neo-125m", 4096)
    assert said("longformer-base-4096", 4096) == said("bert-base", 512, 8) == said("t5-small", 512, 8) == inf
