"""How far off what was compiled of a model says that it is; that it is no further: tests/fit/test_screens.py."""

from __future__ import annotations

from llmscale.answers.catalogued import all_models
from llmscale.answers.question import question
from llmscale.devices.sets import device_set
from llmscale.formats.catalogue import quant
from llmscale.runtimes.placed import UNKNOWN, Off
from llmscale.runtimes.registry import runtime
from llmscale.runtimes.transformers.summary import SCREENED, TRACED


def said(model: str, context: int, batch: int = 1) -> Off:
    (entry,) = (found for found in all_models(None) if found.reference == model)
    one, devices, asked = runtime("transformers"), device_set("80GiB"), question(context, batch)
    work = asked.work(entry.model.about, quant("bf16"), [devices])
    return one.screen_error(entry.model.subject(quant("bf16"), "transformers"), work, devices)  # type: ignore[arg-type]


def test_it_is_near_where_it_was_traced_and_bent_lines_are_known() -> None:
    assert said("llama-3.1-8b", 4096) == said("t5-small", 4096) == Off(TRACED, TRACED)
    assert said("llama-3.1-8b", 6000) == Off(SCREENED, SCREENED)
    assert said("gpt-neo-125m", 20_000).more > 0.2 > said("gpt-neo-125m", 4096).more
    assert said("longformer-base-4096", 4096) == said("bert-base", 512, 8) == said("t5-small", 6000) == UNKNOWN
