"""`action.yml` on a pull request: its own lines, run by a real shell over a small git repository, `gh` recorded."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from action.comment import MARK

from tests.helpers import REPOSITORY, TINY, TINY_TOTAL, environment

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
#: Answers as GitHub's program does: the number of our comment where one is asked for, and keeps what it is told.
GH = """#!/usr/bin/env bash
case "$*" in
  *--paginate*) if [ -n "$OLD" ]; then printf '%s\\n' "$OLD" 99; fi ;;
  *) printf '%s\\n' "$*" >> "$RUNNER_TEMP/told" ;;
esac
"""
pytestmark = pytest.mark.skipif(os.name != "posix" or not shutil.which("git"), reason="the action's shell, and git")


class PullRequest:
    """A repository with a base, changed by a branch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder / "repository", folder / "temporary"
        self.folder.mkdir()
        self.bin = self.temporary / "llmscale" / "bin"
        self.bin.mkdir(parents=True)
        self.program("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        self.program("gh", GH)
        self.git("init", "-q", "-b", "main")

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *who, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, Any]) -> str:
        """A commit in which each of `files` is what is said, gone where it is None."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def step(self, name: str, **settings: str) -> None:
        """Run the lines of a step of the action as its runner does."""
        (script,) = [step["run"] for step in ACTION["runs"]["steps"] if step.get("name") == name]
        settings = {
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
            "GITHUB_REPOSITORY": "org/name",
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            **settings,
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=self.folder, env=environment(**settings), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    def counted(self, base: str, head: str, **settings: str) -> str:
        """The comment."""
        self.step("Count what changes", BASE=base, HEAD=head, **settings)
        text = (self.temporary / "llmscale.md").read_text(encoding="utf-8")
        assert (self.temporary / "summary").read_text(encoding="utf-8").endswith(text)
        return text

    def told(self, old: str = "") -> str:
        """What GitHub is told to do."""
        self.step("Comment", NUMBER="7", OLD=old)
        told = self.temporary / "told"
        return told.read_text(encoding="utf-8") if told.exists() else ""


@pytest.fixture
def pull(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def test_a_change_is_a_table_of_both(pull: PullRequest) -> None:
    base = pull.commit({"models/tiny/config.json": TINY, "app/config.json": {"port": 1}, "notes.md": "a"})
    pull.git("checkout", "-q", "-b", "change")
    head = pull.commit({"models/tiny/config.json": {**TINY, "num_hidden_layers": 4}, "app/config.json": {"port": 2}})
    pull.git("checkout", "-q", "main")
    base_moved = pull.commit({"other/config.json": TINY})
    text = pull.counted(base_moved, head, QUANTS="bf16 q4_k_m", ESTIMATE="--context 100")
    assert text.startswith(MARK)
    assert "#### <code>models/tiny/config.json</code>, changed" in text
    rows = {cells[1]: cells[2:4] for line in text.splitlines() if len(cells := [*map(str.strip, line.split("|"))]) == 5}
    assert rows["Layers"] == ["2", "4"]
    assert rows["Parameters"] == [f"{TINY_TOTAL / 1000:.2f} K", "160.8 K"]
    assert {"BF16 GiB", "Q4_K_M GiB"} <= rows.keys()
    assert "before: 86.85 K parameters, context 100" in text
    assert "after: 160.8 K parameters, context 100" in text
    assert "other/config.json" not in text  # what the base got meanwhile
    assert "app/config.json" not in text
    assert base != base_moved


def test_what_comes_and_goes_is_said(pull: PullRequest) -> None:
    base = pull.commit({"config.json": TINY})
    head = pull.commit({"config.json": None, "new <b>`x`/config.json": TINY})
    text = pull.counted(base, head)
    assert "#### <code>config.json</code>, removed" in text
    assert "#### <code>new &lt;b&gt;`x`/config.json</code>, added" in text
    assert text.count("86.85 K parameters") == 2


@pytest.mark.parametrize("broken", [{"model_type": "nosuch"}, "{", {**TINY, "hidden_size": "```\n@all"}])
def test_what_cannot_be_counted_says_why_and_quotes_nothing_loosely(pull: PullRequest, broken: Any) -> None:
    base = pull.commit({"config.json": TINY})
    text = pull.counted(base, pull.commit({"config.json": broken}))
    assert str(pull.temporary) not in text
    fences = [at for at, line in enumerate(text.splitlines()) if line.startswith("```")]
    blocks = [text.splitlines()[start + 1 : end] for start, end in zip(fences[::2], fences[1::2], strict=True)]
    assert [line for block in blocks for line in block if re.match("error: '?after/config.json", line)]
    assert text.count("error:") == sum(line.startswith("error:") for block in blocks for line in block)
    assert "@all" not in {line for line in text.splitlines() if not line.startswith("error:")}


def test_many_are_counted_and_some_shown(pull: PullRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    from action import comment

    monkeypatch.setattr(comment, "SHOWN", 1)
    monkeypatch.chdir(pull.folder)
    base = pull.commit({"notes.md": "a"})
    head = pull.commit({f"{name}/config.json": TINY for name in "abc"})
    assert comment.comment(base, head).endswith("\n2 more are not shown.\n")


def test_what_is_unknown_to_git_is_an_error(pull: PullRequest) -> None:
    base = pull.commit({"notes.md": "a"})
    command = [sys.executable, str(REPOSITORY / "action" / "comment.py"), base, "0" * 40]
    done = subprocess.run(command, cwd=pull.folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("git merge-base: ")


def test_the_comment_is_made_renewed_and_taken_back(pull: PullRequest) -> None:
    base = pull.commit({"config.json": TINY})
    pull.counted(base, pull.commit({"config.json": {**TINY, "num_hidden_layers": 4}}))
    file = pull.temporary / "llmscale.md"
    assert pull.told() == f"api --silent --method POST repos/org/name/issues/7/comments --field body=@{file}\n"
    assert pull.told("12").endswith(
        f"api --silent --method PATCH repos/org/name/issues/comments/12 --field body=@{file}\n"
    )
    assert pull.counted(base, pull.commit({"config.json": TINY})) == ""
    assert pull.told("12").endswith("api --silent --method DELETE repos/org/name/issues/comments/12\n")
    before = pull.told("12")
    assert len(pull.told().splitlines()) == len(before.splitlines())  # nothing to say, nothing to take back


def test_the_action_runs_only_pinned_actions_and_gives_no_text_to_a_shell() -> None:
    """What a pull request brings reaches a shell as a variable, never as a part of its lines."""
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    told = json.dumps(ACTION)
    assert all(f"inputs.{name}" in told for name in ACTION["inputs"])
