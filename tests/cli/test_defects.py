"""Defects of ours, interruptions, readers that leave: no traceback unless it is asked for."""

from __future__ import annotations

import io
import json
import sys

import pytest

from llmscale.cli.app import main
from llmscale.errors import NotFoundError
from tests.helpers import Answer, process, run


def test_a_defect_of_ours_is_told_as_one_and_debug_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import llmscale.answers.params as room

    def broken(reference: str, **_: object) -> None:
        raise ZeroDivisionError(f"while counting {reference}")

    monkeypatch.setattr(room, "params", broken)
    answer = run("params", "gpt2")
    assert answer.status not in (0, 1, 2, 3, 4, 5)
    assert answer.out == ""
    assert "defect of llmscale: ZeroDivisionError: while counting gpt2" in answer.err
    assert "Traceback" not in answer.err
    assert json.loads(run("params", "gpt2", "-o", "json").err)["error"]["kind"] == "defect"
    with pytest.raises(ZeroDivisionError):
        run("--debug", "params", "gpt2")
    with pytest.raises(NotFoundError):
        run("quants", "show", "nosuchquant", "--debug")


def test_debug_shows_the_traceback_of_an_error() -> None:
    answer = process("--debug", "params", "nosuchmodel")
    assert answer.status not in (0,)
    assert "Traceback" in answer.err
    assert "NotFoundError" in answer.err


def test_interrupting_is_no_error_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import llmscale.answers.params as room

    def interrupted(reference: str, **_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "params", interrupted)
    assert run("params", "gpt2") == Answer(130, "", "")


def test_a_reader_that_has_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import llmscale.answers.params as room

    def gone(reference: str, **_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(room, "params", gone)
    monkeypatch.setattr(sys, "argv", ["llmscale", "params", "gpt2"])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
