"""The command: what it begins with, what it leaves behind, and what it says where nothing draws a screen."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.helpers import good, run

EXTRA = "the extra [tui] is not installed: make test-extras"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("llmscale.tui", "textual"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    answer = run("tui")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.splitlines()[1:] == ["hint: pip install 'llmscale[tui]'"]


def test_plain_commands_do_not_load_it() -> None:
    code = "import sys; sys.argv[1:] = ['estimate', 'gpt2']; from llmscale.cli.app import main\ntry: main()\n"
    code += "except SystemExit: pass\nprint(sorted({'textual', 'llmscale.tui'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def begun(monkeypatch: pytest.MonkeyPatch, *arguments: str, copied: str = "") -> tuple[Any, str]:
    """The screen that the command would show, and what is printed when it is left."""
    pytest.importorskip("textual", reason=EXTRA)
    from llmscale.tui.app import Screenful

    shown: list[Any] = []
    monkeypatch.setattr("llmscale.cli.tui._has_terminal", lambda: True)
    monkeypatch.setattr(Screenful, "run", lambda screen: shown.append(screen) or copied)
    return shown, good("tui", *arguments).out


def test_it_begins_with_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        "gpt2",
        "-q",
        "f16",
        "-c",
        "1k",
        "--kv-dtype",
        "q8_0",
        "--runtime",
        "llama.cpp",
        "--sequences",
        "2",
        "--gpu",
        "rtx3060",
        "--gpu",
        "rtx4090",
    ]
    (screen,), _ = begun(monkeypatch, *asked)
    assert screen.choice == ("gpt2", "f16", "1k", "q8_0", "llama.cpp", "2", ("rtx3060", "rtx4090"))
    assert not screen.no_color


def test_what_is_usual_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    (screen,), out = begun(monkeypatch, "--no-color")
    assert screen.choice[1:] == ("", "", "", "", "", ())
    assert screen.choice.model
    assert screen.no_color
    assert out == ""


def test_the_command_that_was_copied_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = begun(monkeypatch, "gpt2", copied="llmscale estimate gpt2")
    assert out == "llmscale estimate gpt2\n"


def test_without_a_terminal_it_says_so() -> None:
    pytest.importorskip("textual", reason=EXTRA)
    answer = run("tui", "gpt2")
    assert (answer.status, answer.out) == (2, "")
    assert "A screen needs a terminal" in answer.err
