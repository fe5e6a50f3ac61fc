"""Writes what `action.yml` comments on a pull request: what its changes of `config.json` files do to a model.

python action/comment.py BASE HEAD      # in a clone that has both; prints nothing where no model changes

QUANTS names the formats of the table, ESTIMATE has options of `llmscale estimate`. What a pull request brings is read
as data alone: git prints the files, llmscale counts them.
"""

from __future__ import annotations

import html
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: By which the comment is known again when the pull request grows.
MARK = "<!-- llmscale -->"
#: Files that are shown; the rest is counted.
SHOWN = 20
#: GitHub takes 65,536 characters.
LONGEST = 60_000
WHAT = {(False, True): "added", (True, False): "removed", (True, True): "changed"}


class Changed(NamedTuple):
    """A `config.json` and its content on both sides, where it is there."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def sides(self) -> dict[str, bytes]:
        """What there is, by the name that answers give it."""
        return {name: data for name, data in (("before", self.before), ("after", self.after)) if data is not None}


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What git says in the folder that this runs in."""
    return subprocess.run(["git", *arguments], capture_output=True, check=False)


def changes(base: str, head: str) -> Iterator[Changed]:
    """The models' configs that differ between `head` and where it left `base`."""
    left = _asked("merge-base", base, head).decode().strip()
    names = _asked("diff", "--name-only", "--no-renames", "-z", left, head, "--", ":(glob)**/config.json")
    for name in filter(None, names.split(b"\0")):
        path = os.fsdecode(name)
        one = Changed(path, _content(left, path), _content(head, path))
        if any(map(is_model, one.sides.values())):
            yield one


def _asked(*arguments: str) -> bytes:
    done = git(*arguments)
    if done.returncode:
        sys.exit(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _content(commit: str, path: str) -> bytes | None:
    shown = git("show", f"{commit}:{path}")
    return None if shown.returncode else shown.stdout


def is_model(data: bytes) -> bool:
    """Whether a file is a model's config: many programs call theirs config.json."""
    try:
        config = json.loads(data)
    except ValueError:
        return False
    return isinstance(config, dict) and "model_type" in config


def section(one: Changed) -> str:
    """One file: both sides in one table where there are two, and what each takes while it runs."""
    name = html.escape(one.path.translate(dict.fromkeys(range(32), " ")))
    heading = f"#### <code>{name}</code>, {WHAT[one.before is not None, one.after is not None]}"
    quants = [word for quant in os.environ.get("QUANTS", "").split() for word in ("-q", quant)]
    options = [*quants, *shlex.split(os.environ.get("ESTIMATE", ""))]
    with tempfile.TemporaryDirectory() as folder:
        for side, data in one.sides.items():
            (Path(folder) / side).mkdir()
            (Path(folder) / side / "config.json").write_bytes(data)
        files = [f"{side}/config.json" for side in one.sides]
        running = [llmscale(folder, "estimate", file, *options) for file in files]
        if len(files) == 1:
            return "\n\n".join([heading, *running])
        details = "<details><summary>While it runs</summary>"
        return "\n\n".join([heading, llmscale(folder, "compare", *files, *quants), details, *running, "</details>"])


def llmscale(folder: str, *arguments: str) -> str:
    """An answer as Markdown, or why there is none."""
    command = [sys.executable, "-m", "llmscale", *arguments, "-o", "markdown"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    return told.stdout.strip() or f"```text\n{told.stderr.strip()}\n```"


def comment(base: str, head: str) -> str:
    """The comment, empty where there is nothing to say."""
    found = list(changes(base, head))
    if not found:
        return ""
    text = f"{MARK}\n### Parameters and memory, by llmscale\n"
    for at, one in enumerate(found):
        written = section(one) if at < SHOWN else ""
        if not written or len(text) + len(written) > LONGEST:
            return f"{text}\n{len(found) - at} more are not shown.\n"
        text += f"\n{written}\n"
    return text


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(comment(*sys.argv[1:]))
