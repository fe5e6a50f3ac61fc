"""``compare``: models side by side."""

from __future__ import annotations

import pytest

from llmscale import compare
from llmscale.errors import UsageError
from tests.helpers import said


def test_compare_puts_models_side_by_side() -> None:
    answer = compare(["llama-2-7b", "llama-2-70b", "gpt-4", "7B"])
    first, second, unknown, size = answer.models
    assert (first.ratio, unknown.ratio) == (1.0, None)
    assert second.ratio == pytest.approx(68_976_648_192 / 6_738_415_616)
    assert size.ratio == pytest.approx(7e9 / 6_738_415_616)
    assert second.memory == {"fp32": 4 * 68_976_648_192, "fp16": 2 * 68_976_648_192} | {
        "int8": 68_976_648_192,
        "int4": 68_976_648_192 // 2,
    }
    assert (unknown.basis, unknown.parameters, unknown.memory) == ("undisclosed", None, {})
    assert (size.layers, size.attention, size.publisher) == (None, None, None)
    assert (second.layers, second.hidden_size, second.attention) == (80, 8192, "GQA 64:8")
    assert any("GPT-4" in sentence for sentence in said(answer))
    assert compare(["gpt-4", "gpt2"]).models[1].ratio == 1.0


def test_compare_in_formats_asked_for_and_only_of_two_or_more() -> None:
    assert list(compare(["gpt2", "gpt2-xl"], quants=["half"]).models[0].memory) == ["fp16"]
    with pytest.raises(UsageError, match="two models"):
        compare(["gpt2"])
