"""``compare``: models side by side."""

from __future__ import annotations

import pytest

from llmscale import compare
from llmscale.errors import UsageError
from tests.helpers import good, said


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


def test_what_each_parameter_was_trained_on_is_a_row_and_the_difference_a_sentence() -> None:
    known, without = compare(["llama-2-7b", "7B"]).models
    assert known.tokens_per_parameter == pytest.approx(2e12 / 6_738_415_616)
    assert without.tokens_per_parameter is None
    first = good("compare", "llama-2-7b", "llama-2-70b", "--width", "200").out.splitlines()[0]
    assert first == (
        "Llama 2 70B has 10.2 times as many parameters as Llama 2 7B; it saw 29 tokens a parameter, Llama 2 7B 297."
    )
    assert "54.2 times fewer" in good("compare", "llama-2-7b", "gpt2").out


def test_compare_in_formats_asked_for_and_only_of_two_or_more() -> None:
    assert list(compare(["gpt2", "gpt2-xl"], quants=["half"]).models[0].memory) == ["fp16"]
    with pytest.raises(UsageError, match="two models"):
        compare(["gpt2"])
