"""One screen answers: 24 lines of 80 columns; at 60 columns nothing runs over, and what is hidden is named."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.cli.commands import asked_for
from tests.helpers import good

SCREENS = [
    "fits rtx3060",
    "estimate llama-3.1-8b --gpu rtx4090",
    "estimate llama-3.1-8b -q awq --gpu rtx4090",
    "fits rtx3060 llama-3.1-8b",
]


def read(lines: list[str]) -> list[str]:
    """What is read, without what is typed, which must be one line to be pasted."""
    return [line for line in lines if not line.lstrip().startswith(("llama-server ", "llmscale ", "vllm "))]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("screen", SCREENS)
def test_an_answer_is_one_screen(screen: str, lang: str) -> None:
    lines = good(*screen.split(), "--width", "80", "--lang", lang).out.splitlines()
    assert sum(-(-cell_len(line) // 80) or 1 for line in lines) <= 24
    assert max(map(cell_len, read(lines))) <= 80


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("screen", SCREENS)
def test_sixty_columns_are_enough(screen: str, lang: str) -> None:
    narrow = good(*screen.split(), "--width", "60", "--lang", lang).out
    assert max(map(cell_len, read(narrow.splitlines()))) <= 60
    assert ("Too narrow to show: " if lang == "en" else "宽度不足,未显示:") in narrow


def test_the_last_line_is_what_to_type_for_the_first_row() -> None:
    (first, *_) = asked_for("fits", "rtx3060")["models"]
    assert good("fits", "rtx3060").out.splitlines()[-1] == first["command_line"]
    assert (
        good("fits", "rtx3060", "--command")
        .out.splitlines()[-1]
        .startswith(asked_for("fits", "rtx3060")["models"][-1]["id"])
    )
