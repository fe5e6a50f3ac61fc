"""What the package itself offers."""

from __future__ import annotations

import pytest

import llmscale
from llmscale import params


def test_the_public_names_are_there_and_no_others() -> None:
    for name in llmscale.__all__:
        assert getattr(llmscale, name) is not None
    with pytest.raises(AttributeError, match="'nosuch'"):
        llmscale.nosuch  # noqa: B018


def test_the_docstrings_first_lines_are_true() -> None:
    assert params("llama-2-7b").parameters is not None
    assert params("llama-2-7b").parameters.total == 6_738_415_616  # type: ignore[union-attr]
    assert llmscale.estimate("7B", ["int4"]).estimates[0].weights_bytes == 3_500_000_000
