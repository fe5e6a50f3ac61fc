"""``models check``: whether what publishers state agrees with what their configs count to."""

from __future__ import annotations

import pytest

from llmscale.answers.check import check_models
from llmscale.catalogue import entries as catalogue


def test_what_is_stated_agrees_with_what_is_counted_or_says_why_not() -> None:
    answer = check_models()
    assert answer.checked >= 100
    assert [line.id for line in answer.differing if not line.explained] == []
    assert answer.unexplained == 0
    for line in answer.differing:
        assert abs(line.stated / line.counted - 1) > 0.005
        assert line.relative == pytest.approx(line.stated / line.counted - 1)


def test_a_stated_figure_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, others = catalogue.entry("llama-2-7b"), [catalogue.entry("gpt2"), catalogue.entry("gpt-4")]
    wrong = type(entry)(**{**vars(entry), "parameters": 7_500_000_000})
    monkeypatch.setattr(catalogue, "entries", lambda *_: iter([wrong, *others]))
    answer = check_models()
    assert (answer.checked, answer.unexplained) == (2, 1)
    (line,) = answer.differing
    assert (line.id, line.stated, line.counted, line.explained) == ("llama-2-7b", 7_500_000_000, 6_738_415_616, False)
