"""Pages of questions about training: each command still says what its page promises."""

from __future__ import annotations

import shlex

import pytest
from docs.training_answers import FOLDER, QUESTIONS, Asked

from tests.helpers import run


@pytest.mark.parametrize("asked", QUESTIONS, ids=[asked.page for asked in QUESTIONS])
def test_each_command_holds_the_known_answer(asked: Asked) -> None:
    text = " ".join((FOLDER / f"{asked.page}.md").read_text(encoding="utf-8").split())
    for command, held in asked.commands:
        answer = run(*shlex.split(command), "--width", "100")
        assert answer.status == 0, answer.err
        printed = " ".join(answer.out.split())
        assert [each for each in held if each not in printed] == []
        assert [each for each in held if each not in text] == []
        assert f"$ llmscale {command}" in text


def test_every_question_of_the_field_has_its_page() -> None:
    assert len(QUESTIONS) == 10
    assert len({asked.page for asked in QUESTIONS}) == 10
