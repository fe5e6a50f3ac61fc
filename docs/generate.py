"""Writes what the documentation takes from the program: the command reference, the man page and completion scripts in
``share/``, the JSON Schema, README's examples, the pages of questions in ``docs/answers/``.

Run ``make docs`` after a change of an option or an answer; ``--check`` (in ``make lint``) fails when they are stale.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter

from llmscale.answers.results.check import CheckResult, DeviceCheckResult
from llmscale.answers.results.compare import CompareResult
from llmscale.answers.results.estimate import EstimateResult
from llmscale.answers.results.explain import ExplainedWords, ExplainResult
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.answers.results.lists import AddedModel, DevicesResult, ModelResult, ModelsResult, QuantsResult
from llmscale.answers.results.needs import NeedsResult
from llmscale.answers.results.params import ParamsResult
from llmscale.answers.results.runtimes import PluginsResult, RuntimesResult
from llmscale.answers.results.start import StartResult
from llmscale.answers.results.stored import LocalModelsResult
from llmscale.cli.app import COMMANDS

DOCS = Path(__file__).parent
#: Pages whose examples are printed anew, by the language that they are in.
PAGES = {
    DOCS.parent / "README.md": "en",
    DOCS.parent / "README.zh.md": "zh",
    DOCS / "大模型的参数量级.md": "zh",
    DOCS / "tutorial.md": "en",
    DOCS / "五分钟入门.md": "zh",
}
#: Stands for the rest of an answer in README.
CUT = "…"
WARNINGS = "The notes as sentences in English."
ANSWERS = {
    "params": ParamsResult,
    "estimate": EstimateResult,
    "compare": CompareResult,
    "fits": FitsResult,
    "fits (no device)": FitsOverview,
    "needs": NeedsResult,
    "models list": ModelsResult,
    "models local": LocalModelsResult,
    "models show": ModelResult,
    "models check": CheckResult,
    "models add": AddedModel,
    "devices": DevicesResult,
    "devices check": DeviceCheckResult,
    "quants": QuantsResult,
    "runtimes": RuntimesResult,
    "plugins": PluginsResult,
    "explain": ExplainResult,
    "explain (no word)": ExplainedWords,
    "(no command)": StartResult,
}
SUBCOMMANDS = {
    "models": ("list", "local", "show", "check", "add"),
    "devices": ("list", "show", "check"),
    "quants": ("list", "show"),
}


#: Columns of the examples, which a page scrolls: no column is too wide to be shown.
EXAMPLES = 140


def helps() -> dict[tuple[str, ...], str]:
    """What ``--help`` prints of the program, of every command and of those below it, by what is typed before it."""
    calls = [(), *((name,) for name in COMMANDS)]
    calls += [(name, sub) for name, subs in SUBCOMMANDS.items() for sub in subs]
    return {call: printed_by([*call, "--help"]) for call in calls}


def commands(helped: dict[tuple[str, ...], str]) -> str:
    """The reference: every command's ``--help`` as it is printed."""
    lines = ["# Commands", "", "Made from `--help` by `make docs`.", ""]
    for call, printed in helped.items():
        lines += [f"## {' '.join(['llmscale', *call])}", "", "```text", printed, "```", ""]
    return "\n".join(lines)


def printed_by(arguments: list[str], lang: str = "en", width: int = 100) -> str:
    """What a command prints on so many columns and without colours."""
    plain = {"COLUMNS": str(width), "NO_COLOR": "1", "TERM": "dumb", "PYTHONIOENCODING": "utf-8", "LLMSCALE_LANG": lang}
    printed = subprocess.run(
        [sys.executable, "-m", "llmscale", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **plain},
    ).stdout
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())


def page(path: Path, lang: str) -> str:
    """A page with its examples as they are printed now; one that ends with `CUT` keeps its length."""
    blocks = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
    return blocks.sub(lambda found: _block(found, lang), path.read_text(encoding="utf-8"))


def _block(found: re.Match[str], lang: str) -> str:
    """One block: each command with what it prints; a block of commands alone stays as it is."""
    shown = re.findall(r"^(\$ .*)\n((?:(?!\$ ).*\n)*)", found[0], flags=re.MULTILINE)
    if not any(answer.strip() for _, answer in shown):
        return found[0]
    return "\n".join(f"{command}\n{_again(command, answer.strip(), lang)}\n" for command, answer in shown)


def _again(command: str, answer: str, lang: str) -> str:
    lines = printed_by(shlex.split(command, comments=True)[2:], lang, EXAMPLES).splitlines()
    return "\n".join([*lines[: answer.count("\n")], CUT] if answer.endswith(CUT) else lines)


def schema() -> str:
    """One JSON Schema per answer of ``-o json``, version 1."""
    answers = {name: TypeAdapter(answer).json_schema(mode="serialization") for name, answer in ANSWERS.items()}
    for answer in answers.values():
        if "notes" in answer["properties"]:
            answer["properties"]["warnings"] = {"type": "array", "items": {"type": "string"}, "description": WARNINGS}
    return json.dumps({"schema": "llmscale/1", "answers": answers}, indent=1, ensure_ascii=False) + "\n"


def others(helped: dict[tuple[str, ...], str]) -> dict[Path, str]:
    """The pages of questions with what their commands print now, the page made of the code, and what shells want."""
    sys.path.insert(0, str(DOCS.parent))
    from docs import architecture, lora_saving, man, training_answers

    answers = {lora_saving.PAGE: lora_saving.page(), **training_answers.pages(printed_by)}
    return {**answers, **architecture.files(), **man.files(helped)}


def main() -> int:
    """Write the files, or with ``--check`` say which are stale."""
    stale = []
    helped = helps()
    pages = {path: page(path, lang) for path, lang in PAGES.items()}
    written = {DOCS / "commands.md": commands(helped), DOCS / "schema.json": schema(), **pages}
    for path, text in {**written, **others(helped)}.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run make docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
