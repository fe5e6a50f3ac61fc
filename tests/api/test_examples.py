"""The scripts of docs/examples run as they stand, each in its own process, and say something."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers import REPOSITORY, environment

SCRIPTS = sorted((REPOSITORY / "docs" / "examples").glob("*.py"))


def test_there_are_ten() -> None:
    assert len(SCRIPTS) >= 10


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs(script: object) -> None:
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, env=environment(), timeout=60, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
