"""The main screens as they are read: at four widths, in both languages, and some in colour.

``pytest tests/render/test_snapshots.py --snapshot-update`` takes new ones; their diff is read screen by screen. Figures
move with the catalogue and the measurements, and are then looked at here once as a reader sees them.
"""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.helpers import good

SCREENS = [
    "fits rtx3060-12gb",
    "fits rtx3060-12gb llama-3.1-8b",
    "estimate llama-3.1-8b --gpu rtx4090",
    "needs llama-3.1-70b",
    "compare gpt-3 llama-2-70b deepseek-v3",
    "train llama-3.1-8b --method lora",
    "serve-cost llama-3.1-8b --gpu rtx4090 --kwh 0.3",
]
WIDTHS = [60, 80, 100, 160]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_is_the_held_one(screen: str, width: int, lang: str, snapshot: SnapshotAssertion) -> None:
    assert good(*screen.split(), "--width", str(width), "--lang", lang).out == snapshot


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("screen", SCREENS[:2])
def test_a_screen_in_colour_is_the_held_one(
    screen: str, lang: str, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    said = good(*screen.split(), "--width", "80", "--lang", lang).out
    assert "\x1b[" in said
    assert said == snapshot
