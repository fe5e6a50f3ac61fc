"""Bars: in proportion, none of a device's bytes left out."""

from __future__ import annotations

import pytest

pytest.importorskip("textual", reason="the extra [tui] is not installed: make test-extras")

from llmscale import estimate
from llmscale.answers.results.estimate import DeviceUsage
from llmscale.tui.bars import bar, bars


def drawn(usable: int, width: int = 20, **parts: int) -> str:
    usage = DeviceUsage("x", usable, sum(parts.values()), usable - sum(parts.values()), parts)
    return "".join(part.plain for part in bar(usage, width))


def test_a_bar_is_in_proportion() -> None:
    assert drawn(100, weights=50, kv_cache=25, compute=10, overhead=5) == "█" * 10 + "▓" * 5 + "▒" * 3 + "··"
    assert drawn(100, kv_cache=25, weights=50) == "█" * 10 + "▓" * 5 + "·" * 5
    assert drawn(100, weights=100) == "█" * 20


def test_what_does_not_fit_stands_behind_the_end_of_the_device() -> None:
    assert drawn(50, weights=100) == "█" * 10 + "!" * 10
    assert drawn(0) == "!" * 0 + "·" * 0 + drawn(0)
    assert len(drawn(0, weights=5)) == 20


def test_cards_that_are_alike_share_a_bar() -> None:
    device = estimate("qwen3-32b", "fp8", gpu="4x h100", runtime="vllm").estimates[0].devices[0]
    (only,) = bars(device, 40)
    assert only.plain.startswith("4 x █")
    assert len(only.plain) == 40
