"""Asking a question of the program itself, within this process: what it prints, and its exit status."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from tests.approval.questions import Question


def ask(question: Question) -> dict[str, Any]:
    """The answer as JSON, or the error; with the exit status."""
    from llmscale.cli.app import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["llmscale", *question]
    status: Any = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        status = end.code
    finally:
        sys.argv = before
    said = out.getvalue() or err.getvalue()
    return {"exit": status, "answer": json.loads(said) if said.startswith(("{", "[")) else said}
