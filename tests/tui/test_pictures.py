"""The whole screen as it is drawn, held line by line in `screens/`; with UPDATE_SCREENS=1 new ones are taken."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("textual", reason="the extra [tui] is not installed: make test-extras")

from llmscale.answers.estimate import estimate
from llmscale.render.words import words
from llmscale.tui.app import Screenful
from llmscale.tui.choice import Asking
from tests.tui.test_screen import settled

ONE = Asking("qwen3-8b", "q4_k_m", "8k", gpus=("rtx4090",))
LARGE = Asking("llama-3.3-70b", "q4_k_m", "8k", gpus=("2x rtx3090", "rtx4090"))
NOTHING = Asking("gpt2")


#: What is in the catalogue: rows of the lists, and how many there are.
_LISTED = re.compile(r"^│.*?(?=│[│╭╰])|(?<=^╭─ )\S+ [\d,]+ ─+╮")


def drawn(choice: Asking, size: tuple[int, int], lang: str) -> str:
    """The characters of the screen, a row a line, without those of the lists."""
    estimate(choice.model, gpus=choice.gpus)  # a fresh checkout makes its tables, which takes longer than screens wait
    screen = Screenful(choice, words(lang))
    rows: list[str] = []

    async def session() -> None:
        async with screen.run_test(size=size) as pilot:
            await settled(pilot)
            strips = pilot.app.screen._compositor.render_strips()
            rows.extend(strip.text.rstrip() for strip in strips)

    asyncio.run(session())
    assert sum(choice.model in row for row in rows) > 1, "it stands in the list and in the command"
    return "\n".join(_LISTED.sub("", row) for row in rows)


CHOICES = {"one": ONE, "several": LARGE, "none": NOTHING}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("name", CHOICES)
def test_the_screen_is_the_held_one(name: str, size: tuple[int, int], lang: str) -> None:
    found = drawn(CHOICES[name], size, lang)
    held = Path(__file__).with_name("screens") / f"{name}-{size[0]}x{size[1]}-{lang}.txt"
    if os.environ.get("UPDATE_SCREENS"):
        held.write_text(found, "utf-8")
    assert len(found.splitlines()) <= size[1]
    assert found == held.read_text("utf-8")
