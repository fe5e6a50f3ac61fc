"""``--help``: what is asked most comes first, options in groups, examples one a line, as wide as the terminal."""

from __future__ import annotations

import re

import pytest
import typer

from llmscale.cli.app import app
from llmscale.cli.language import spoken
from llmscale.render.wrap import wrapped
from tests.helpers import commands_below, environment, good, process


def sections(text: str) -> dict[str, list[str]]:
    """The lines of a help by the title above them."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in text.splitlines():
        if re.fullmatch(r"\S.*:", line):
            title = line[:-1]
        found.setdefault(title, []).append(line)
    return found


def test_the_six_main_options_come_first() -> None:
    groups = sections(good("estimate", "--help").out)
    assert list(groups)[:3] == ["", "Arguments", "Main"]
    told = "\n".join(groups["Main"])
    flags = re.findall(r"^  (?:-\w, )?(--[\w-]+)", told, re.MULTILINE)
    assert flags == ["--quant", "--context", "--batch", "--gpu", "--runtime", "--command"]
    assert "--ram" not in told
    assert "-q, --quant" not in "".join(line for title, lines in groups.items() for line in lines if title != "Main")
    assert "Main" not in sections(good("params", "--help").out)


def test_the_program_shows_its_commands_by_what_they_are_for() -> None:
    groups = sections(good("--help").out)
    asked = re.findall(r"^  (\S+)", "\n".join(groups["Asked most"]), re.MULTILINE)
    assert asked == ["estimate", "fits", "needs", "compare", "params"]
    assert groups["Examples"][1:3] == ["  llmscale fits rtx4060", "  llmscale estimate llama-3.1-8b --gpu rtx4060"]
    assert list(groups).index("Asked most") < list(groups).index("Options")
    assert "  list" in "\n".join(sections(good("models", "--help").out)["Commands"])


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_is_as_wide_as_the_terminal(columns: int, lang: str) -> None:
    from rich.cells import cell_len

    told = process("estimate", "--help", "--lang", lang, env=environment(COLUMNS=str(columns))).out
    wide = [line for line in told.splitlines() if cell_len(line) > columns and "llmscale" not in line]
    assert wide == []
    assert max(map(cell_len, told.splitlines())) > columns - 25


def test_help_speaks_chinese() -> None:
    told = good("fits", "--help", "--lang", "zh").out
    assert told.startswith("用法: llmscale fits")
    assert {"参数", "主要选项", "输出", "例如"} <= sections(told).keys()
    assert "[默认: " in told
    assert good("--help", "--lang", "zh").out.startswith("用法: llmscale")
    assert "用法" in process("--help", env=environment(LANG="zh_CN.UTF-8")).out


@pytest.mark.parametrize(
    ("arguments", "lang"),
    [(["--lang", "zh"], "zh"), (["--lang=zh"], "zh"), (["--lang", "xx"], "en"), (["--lang"], "en"), ([], "en")],
)
def test_the_language_is_read_off_the_command_line(
    arguments: list[str], lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLMSCALE_LANG", raising=False)
    assert spoken(arguments).lang == lang


def test_lines_break_between_words_and_between_letters_that_need_no_blank() -> None:
    assert wrapped("a long line of words", 10) == ["a long", "line of", "words"]
    assert wrapped("显存与上下文,长度", 8) == ["显存与上", "下文,长", "度"]
    assert wrapped("", 10) == []
    assert wrapped("unbreakable", 4) == ["unbreakable"]


@pytest.mark.parametrize(("locale", "told"), [("zh_CN.UTF-8", "zh"), ("en_GB.UTF-8", None)])
def test_the_locale_says_the_language_where_nobody_else_does(
    locale: str, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from llmscale.cli.language import settle

    for name in ("LC_ALL", "LC_MESSAGES", "LLMSCALE_LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLMSCALE_LANG", "")  # so that it is put back
    monkeypatch.delenv("LLMSCALE_LANG")
    monkeypatch.setenv("LANG", locale)
    settle()
    assert os.environ.get("LLMSCALE_LANG") == told


#: What is about how an answer is written, or whether.
OUTPUT = {
    *("--output", "--lang", "--no-color", "--width", "--quiet", "--help", "--install-completion", "--show-completion"),
    *("--explain", "--exact", "--check", "--command", "--to", "--size", "--dark", "--anonymise"),
}


def test_what_is_no_output_stands_in_its_own_group() -> None:
    program = typer.main.get_command(app)
    with program.make_context("llmscale", ["-"], resilient_parsing=True) as context:
        strays = {
            (each.command_path, option)
            for command, each in commands_below(program, context)
            if each.parent
            for parameter in command.get_params(each)
            if parameter.param_type_name == "option"
            and not getattr(parameter, "hidden", False)
            and (getattr(parameter, "rich_help_panel", None) or "Output") == "Output"
            and not OUTPUT & {*parameter.opts}
            for option in parameter.opts
        }
    assert strays == set()


@pytest.mark.parametrize(
    ("command", "main"),
    [
        ("train", ["--gpu", "--method", "--tokens", "--seq", "--micro-batch", "--lora-rank"]),
        ("scaling", ["--gpu", "--tokens", "--params", "--flops", "--budget", "--serve-tokens"]),
        ("models list", ["--open", "--min", "--max", "--licence", "--since", "--sort"]),
    ],
)
def test_each_has_its_own_main_options_and_ends_with_examples(command: str, main: list[str]) -> None:
    told = good(*command.split(), "--help").out
    groups = sections(told)
    assert re.findall(r"^  (?:-\w, )?(--[\w-]+)", "\n".join(groups["Main"]), re.MULTILINE) == main
    assert list(groups)[-1] == "Examples"
    assert list(groups).index("Money" if command == "scaling" else "What") < list(groups).index("Output")
