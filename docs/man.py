"""Writes what a shell wants: the man page, made of what ``--help`` prints, and completion for three shells.

python docs/man.py build        # build/llmscale.1, build/llmscale.bash, build/_llmscale, build/llmscale.fish
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.generate import SUBCOMMANDS, printed_by

from llmscale import __version__
from llmscale.cli.app import COMMANDS

#: Completion scripts by the name that their shell looks for.
SHELLS = {"llmscale.bash": "bash", "_llmscale": "zsh", "llmscale.fish": "fish"}


def page() -> str:
    """The page in man's own macros; what `--help` prints stands as it is."""
    calls = [[name] for name in COMMANDS] + [[name, sub] for name, subs in SUBCOMMANDS.items() for sub in subs]
    lines = [
        f'.TH LLMSCALE 1 "" "llmscale {__version__}" "User Commands"',
        ".SH NAME",
        "llmscale \\- the scale of large models, exact: parameters, memory, and the cards they fit",
        ".SH SYNOPSIS",
        ".B llmscale",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH COMMANDS",
        *literal(printed_by(["--help"])),
    ]
    for call in sorted(calls):
        lines += [f".SS llmscale {' '.join(call)}", *literal(printed_by([*call, "--help"]))]
    lines += [
        ".SH EXIT STATUS",
        *literal(
            "0   done\n1   the answer is no (--check)\n2   wrong usage\n3   not found, or not disclosed\n"
            "4   an input that cannot be read\n5   the network"
        ),
    ]
    return "\n".join(lines) + "\n"


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
    return done.stdout


def main(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "llmscale.1").write_text(page(), encoding="ascii")
    for name, shell in SHELLS.items():
        (folder / name).write_text(completion(shell), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
