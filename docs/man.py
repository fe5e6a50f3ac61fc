"""What a shell wants, in ``share/``: the man page, made of what ``--help`` prints, and completion for four shells.

``docs/generate.py`` writes them and says when they are stale. The wheel has the folder as it is, which is where a
prefix (of a user, of a system, of pipx) has them looked for: ``share/man/man1``, ``share/fish/vendor_completions.d``, …
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from llmscale import __version__

SHARE = Path(__file__).parents[1] / "share"
MAN = SHARE / "man" / "man1" / "llmscale.1"
#: Shell -> its script, where and as what the shell looks for it. PowerShell has no such place: a profile runs the file.
SHELLS = {
    "bash": SHARE / "bash-completion" / "completions" / "llmscale",
    "zsh": SHARE / "zsh" / "site-functions" / "_llmscale",
    "fish": SHARE / "fish" / "vendor_completions.d" / "llmscale.fish",
    "powershell": SHARE / "llmscale" / "llmscale.ps1",
}
STATUS = {
    0: "done",
    1: "the answer is no (--check)",
    2: "wrong usage",
    3: "not found, or not disclosed",
    4: "an input that cannot be read, or an answer that cannot be written",
    5: "the network",
    70: "a defect of llmscale",
    130: "stopped by Ctrl-C",
}


def page(helps: Mapping[tuple[str, ...], str]) -> str:
    """The page in man's own macros; what `--help` prints of each command stands as it is."""
    lines = [
        f'.TH LLMSCALE 1 "" "llmscale {__version__}" "User Commands"',
        ".SH NAME",
        "llmscale \\- the scale of large models, exact: parameters, memory, and the cards they fit",
        ".SH SYNOPSIS",
        ".B llmscale",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH COMMANDS",
        *literal(helps[()]),
    ]
    for call in sorted(filter(None, helps)):
        lines += [f".SS llmscale {' '.join(call)}", *literal(helps[call])]
    told = "\n".join(f"{status:<3} {meaning}" for status, meaning in STATUS.items())
    return "\n".join([*lines, ".SH EXIT STATUS", *literal(told)]) + "\n"


def literal(text: str) -> list[str]:
    """Lines as they are: neither a backslash nor a dot at the beginning means anything to man then."""
    escaped = ["".join(map(_escaped, line)) for line in text.splitlines()]
    return [".nf", *(f"\\&{line}" if line.startswith((".", "'")) else line for line in escaped), ".fi"]


def _escaped(character: str) -> str:
    if character in "\\-":
        return {"\\": "\\e", "-": "\\-"}[character]
    return character if character.isascii() else f"\\[u{ord(character):04X}]"


def completion(shell: str) -> str:
    """The script that completes in a shell, as the program itself prints it."""
    asked = {**os.environ, "_LLMSCALE_COMPLETE": f"source_{shell}"}
    # Typer names the program after the file that was started.
    start = "import sys; sys.argv = ['llmscale']; from llmscale.cli.app import app; app(prog_name='llmscale')"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True, env=asked)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()) + "\n"


def files(helps: Mapping[tuple[str, ...], str]) -> dict[Path, str]:
    """All of them, by where they stand."""
    return {MAN: page(helps), **{path: completion(shell) for shell, path in SHELLS.items()}}
