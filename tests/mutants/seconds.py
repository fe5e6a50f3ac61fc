"""A plugin of pytest: how long each test that passed took, into the file that SECONDS_TO names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

TOOK: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Setting up counts as well."""
    if report.passed:
        TOOK[report.nodeid] = TOOK.get(report.nodeid, 0.0) + report.duration
    else:
        TOOK[report.nodeid] = float("inf")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Only where the workers report to."""
    if not hasattr(session.config, "workerinput"):
        passed = {test: round(took, 4) for test, took in TOOK.items() if took != float("inf")}
        Path(os.environ["SECONDS_TO"]).write_text(json.dumps(passed), encoding="utf-8")
