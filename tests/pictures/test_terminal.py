"""Pictures in characters: nothing wider than asked, every figure there, other signs where there are no such."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from tests.helpers import environment, good, process

KINDS = {
    "scale": ["scale"],
    "memory": ["memory", "llama-3.1-8b"],
    "memory parts": ["memory", "llama-3.1-8b", "--parts"],
    "parts": ["parts", "deepseek-v3"],
    "context": ["context", "rtx4090"],
    "frontier": ["frontier", "rtx4090"],
    "users": ["users", "llama-3.1-8b", "--gpu", "rtx4090"],
    "roofline": ["roofline", "llama-3.1-8b", "--gpu", "rtx4090"],
}


#: Of the kinds that ask about the whole catalogue, which takes seconds, each width and each language once.
WHOLE = {"frontier", "context"}
DRAWN = [
    (kind, width, lang)
    for kind in KINDS
    for width in (60, 80, 120)
    for lang in ("en", "zh")
    if kind not in WHOLE or (lang == "zh") == (width == 80)
]


@pytest.mark.parametrize(("kind", "width", "lang"), DRAWN)
def test_no_line_is_wider_than_the_screen(kind: str, width: int, lang: str) -> None:
    drawn = good("plot", *KINDS[kind], "--width", str(width), "--lang", lang).out
    assert max(map(cell_len, drawn.splitlines())) <= width
    assert len(drawn.splitlines()) > 8
    assert bool(re.search(r"[\u4e00-\u9fff]", drawn)) == (lang == "zh" or kind == "scale")


def test_every_line_has_its_name_and_every_card_its_size() -> None:
    drawn = good("plot", *KINDS["memory"], "--width", "80").out
    assert all(name in drawn for name in ("F16", "Q8_0", "Q4_K_M", "16 GiB", "24 GiB", "GiB on the device"))


def test_every_bar_has_its_figure() -> None:
    drawn = good("plot", *KINDS["parts"], "--width", "60").out
    assert "653.9 B, 97.4%" in drawn
    assert "1.01 M, 0.0%" in drawn


def test_the_bar_is_as_long_as_its_value() -> None:
    drawn = good("plot", "context", "rtx4090", "--width", "120").out
    bars = {int(found[2].replace(",", "")): len(found[1]) for found in re.finditer(r"(█+) ([\d,]+)", drawn)}
    most = max(bars)
    assert all(abs(bars[most] * value / most - length) <= 1 for value, length in bars.items())


@pytest.mark.parametrize("encoding", ["cp1252", "cp936", "ascii"])
def test_an_output_without_such_signs_gets_others(encoding: str) -> None:
    answer = process("plot", *KINDS["memory"], env=environment(PYTHONIOENCODING=encoding))
    assert answer.status == 0
    assert "?" not in answer.out
    assert "Q4_K_M" in answer.out


def test_no_colour_where_there_is_no_terminal() -> None:
    assert "\x1b" not in process("plot", *KINDS["scale"]).out
