"""`nox`: the tests on every Python that is installed here, and on one of them what needs an extra."""

from __future__ import annotations

import nox

nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests"]


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """All tests; `nox -s tests-3.12 -- tests/cli` those of a folder."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def extras(session: nox.Session) -> None:
    """Pictures in files, the screen, the web server, the tools of assistants, the hub: as `make test-extras`."""
    session.install("-e", ".[plot,tui,web,mcp,hub,test-extras]")
    folders = ("pictures", "tui", "web", "mcp", "sources/hub")
    session.run("pytest", *(f"tests/{folder}" for folder in folders), *session.posargs)
