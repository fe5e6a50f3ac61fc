"""A file between two recipes holds as many layers of the larger one as there is room for, to the byte."""

from __future__ import annotations

from llmscale import load
from llmscale.formats.sized import sized
from llmscale.model.inventory import inventory


def test_a_layer_for_which_there_is_just_room_is_taken() -> None:
    spec = load("qwen3-0.6b").known()
    parts = inventory(spec)
    found = sized(spec, parts, 450_000_000, "some")
    exact = found.below.before + sum(each.bytes for each in found.quant.stored or ())
    assert found.below.bytes < exact <= 450_000_000
    for size, same in ((exact, True), (exact - 1, False)):
        again = sized(spec, parts, size, "some").quant.stored or ()
        assert (found.below.before + sum(each.bytes for each in again) == exact) is same
