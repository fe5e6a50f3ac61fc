"""Chinese, whole: every sentence that the code can say has a Chinese one, and no English sentence is left on a screen.

What is quoted (the note of an entry, who said a rumour, the file a fact was read in) stays in the words of its source,
and says so; names, ids, options and what one types are no sentences.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from llmscale.catalogue import entries as catalogue
from llmscale.cli.app import COMMANDS, app
from llmscale.devices.device import entries as devices
from llmscale.formats.catalogue import quants
from llmscale.glossary.entries import words as explained
from llmscale.render.report import Report, legible
from llmscale.render.translated import translated
from llmscale.render.words import en, words, zh
from llmscale.store.phrases import phrases
from llmscale.store.tables import table
from tests.helpers import REPOSITORY, commands_below, run

SOURCE = REPOSITORY / "src" / "llmscale"
HAN = re.compile(r"[\u4e00-\u9fff]")
#: Three plain words in a row.
ENGLISH = re.compile(r"\b[A-Za-z]?[a-z]+ [a-z]+ [a-z]{2,}\b")
#: Rooms whose errors no screen of the command line shows: servers answer in JSON, tables are made before.
ELSEWHERE = ("render/words", "web/", "mcp/", "questions/", "compile/", "__init__.py")


def template(node: ast.AST) -> str | None:
    """A string of the code with a gap for each thing that it names."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def templates(node: ast.AST) -> Iterator[str]:
    """The strings of an expression, those within others left out."""
    found = template(node)
    if found is not None:
        yield found
        return
    for child in ast.iter_child_nodes(node):
        yield from templates(child)


def raised() -> Iterator[tuple[str, str]]:
    """Every sentence of an error, with its module."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        if module.startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "error" or (name.endswith("Error") and name[:1].isupper()):
                for part in (*node.args, *(keyword.value for keyword in node.keywords)):
                    yield from ((module, text) for text in templates(part))


def is_sentence(text: str) -> bool:
    """Whether it says something, and is no line to type."""
    return bool(re.search(r"[A-Za-z]{2,}[^A-Za-z{_]+[a-z]{2,}", text)) and not text.startswith(("llmscale ", "pip "))


def test_every_sentence_of_an_error_has_a_chinese_one() -> None:
    say = phrases("zh")
    missing = {
        (module, text)
        for module, text in raised()
        if is_sentence(text)
        and not HAN.search(say(text.strip().replace("{}", "X9")).replace("亿", "").replace("万", ""))
    }
    assert missing == set()


def helps(program: Any, context: Any) -> Iterator[str]:
    """What ``--help`` says of all commands and their options."""
    for command, each in commands_below(program, context):
        yield command.help or ""
        for parameter in command.get_params(each):
            yield getattr(parameter, "help", None) or ""
            yield getattr(parameter, "rich_help_panel", None) or ""


def test_all_help_is_in_chinese() -> None:
    program = typer.main.get_command(app)
    with program.make_context("llmscale", ["-"], resilient_parsing=True) as context:
        said = {" ".join(text.split()) for text in helps(program, context)}
    say = phrases("zh")
    assert {text for text in said if re.search(r"[A-Za-z]{2,} [a-z]{2,}", text) and not HAN.search(say(text))} == set()


def test_every_note_has_a_sentence_in_both_languages() -> None:
    assert en.SENTENCES.keys() == zh.SENTENCES.keys()
    used = {
        node.args[0].value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("note", "Note") and node.args
        if isinstance(node.args[0], ast.Constant)
    }
    assert used <= en.SENTENCES.keys()


def titles() -> Iterator[str]:
    """Heads of columns and labels of the views."""
    for path in (SOURCE / "render" / "views").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            at = {"Column": 1, "FigureKind": 0, "say": 0}.get(node.func.id)
            if at is not None and len(node.args) > at:
                yield from templates(node.args[at])


#: What is written the same in both.
SAME = {"MFU", "FLOP", "FLOPs", "FP16 TFLOPS", "GiB", "mmproj", "mmproj GiB", "MLP", "%", " (", ")", "", "{}", "{} GiB"}


def test_every_label_has_a_chinese_one() -> None:
    say = words("zh")
    assert {
        title for title in titles() if title not in SAME and "{}" not in title and not HAN.search(say(title))
    } == set()


CASES = [
    "",
    "estimate 7B",
    "estimate 8x7B",
    "estimate llama-3.1-8b -q q4_k_m --gpu rtx4090 --explain",
    "estimate llama-3.1-8b -q awq --gpu rtx4090 --explain",
    "estimate llama-3.1-8b -q bf16 --runtime sglang --gpu h100 --explain",
    "estimate llama-3.1-8b -q mlx-4bit --gpu m3-max --explain",
    "estimate llama-3.1-8b -q exl3-4bpw --gpu rtx3060 --explain",
    "estimate gpt2 -q bf16 --explain",
    "estimate qwen3-next-80b-a3b -q q4_k_m --explain",
    "estimate llama-3.1-8b -q awq --gpu 2xl40s --sequences 200 -c 32k",
    "estimate gpt-oss-120b -q mxfp4_moe --gpu rtx4090 --ram 64GB",
    "params deepseek-v3",
    "params gpt2 --explain",
    "params doubao",
    "compare gpt-3 llama-2-70b",
    "fits rtx3060",
    "fits rtx3060 llama-3.1-70b",
    "fits cpu:64GB",
    "needs llama-2-70b",
    "needs qwen3-30b-a3b --ram 32GB",
    "needs deepseek-v3 --quant fp32",
    "train llama-3.1-8b --method lora --explain",
    "train gpt-3",
    "train --reproduce",
    "train llama-3.1-8b --tokens 15T --gpu 1024xh100",
    "scaling llama-3.1-8b",
    "scaling --budget $1M --gpu h100",
    "serve-cost llama-3.1-8b --gpu rtx4090 --kwh 0.3 --api-price 1",
    "explain kv",
    "explain",
    "models list qwen3",
    "models show llama-2-7b",
    "devices list h100",
    "devices show rtx4090",
    "devices local",
    "quants",
    "quants show nvfp4",
    "quants list int --model llama-3.1-8b",
    "runtimes",
    "runtimes vllm",
    "plugins",
    "plot scale",
    "plot memory llama-3.1-8b",
    "plot frontier rtx4090",
    "estimate llama-3.1-8b -q bf16 --runtime vllm --gpu rtx4090 --users 8 --in 2k --out 500",
    "estimate llama-3.1-70b -q awq --runtime vllm --gpu 4xl40s --users 20 --in 2k --out 500 --command",
    "estimate gemma-3-27b -q q4_k_m --gpu rtx4090 --mmproj f16 --draft gemma-3-1b",
    "estimate deepseek-v3 -q fp8 --gpu 8xh200 --runtime vllm --explain",
    "estimate qwen3-30b-a3b -q q4_k_m --gpu rtx3060 -ngl 20 --ram 64GB --ram-bandwidth 60GB/s",
    "estimate qwen3-30b-a3b -q q4_k_m --gpu rtx3060-12gb --ram 32GB --ram-bandwidth 60GB/s --explain",
    "estimate nemotron-h-8b -q bf16 --gpu 2xl40s --runtime vllm --sequences 8 --explain",
    "estimate llama-3.1-8b -q q4_k_m --gpu 2xrtx3090 --sequences 4 --explain",
    "params qwen2.5-vl-7b",
    "params grok-1",
    "compare gpt-4 llama-3.1-405b 7B",
    "fits",
    "fits rtx3060 qwen3-30b-a3b --ram 64GB",
    "fits l40s llama-3.1-8b --runtime vllm --command",
    "fits rtx4090 --for code",
    "needs llama-3.1-8b --train lora",
    "needs llama-3.1-70b --users 20 --in 2k --out 500",
    "train llama-3.1-8b --gpu rtx4090 --method qlora",
    "train llama-3.1-70b --gpu 8xh100",
    "scaling --trained",
    "models",
    "models show deepseek-v3",
    "models check --recalled",
    "devices",
    "devices show h100",
    "devices check",
    "quants list --model llama-3.1-8b",
    "quants show q4_k_m --model llama-3.1-8b",
    "runtimes llama.cpp",
    "plot parts llama-3.1-8b",
    "plot context rtx4090",
    "log tests/logs/vllm-qwen3-vl-30b.log",
    "log tests/logs/ollama-qwen2.5-coder-7b.log",
    "log tests/logs/made-llama-out-of-memory.log",
]
#: Not sentences: what is typed, addresses, files, ids of words, and the parts of a line that a source is quoted in.
QUOTED = re.compile(
    r"原文.*|来源.*|读自.*|config 读自.*|llmscale .*|llama-server.*|https?://\S+|\S+\.(py|cpp|json|yaml|md)\b.*|"
    r"vllm \d.*|not_a_word|NVIDIA .*|bits per weight|time to first token|DeepSeek 67B.*|deploybase.*|"
    r"(?:参见|试试|例如|官方上下文|备注).*|presets of .*|.*vllm serve .*"
)


#: Words of English that no name, id or option is made of: with one of them among three, it is a sentence.
SMALL = frozenset(
    [
        *("a", "all", "also", "an", "and", "any", "are", "as", "at", "be", "but", "by", "each", "else", "for", "from"),
        *("has", "have", "in", "is", "it", "its", "many", "more", "most", "no", "none", "not", "of", "on", "only"),
        *("or", "other", "that", "the", "their", "them", "they", "this", "to", "until", "what", "where", "which"),
        *("who", "with", "without"),
    ]
)
RUN = re.compile(r"[A-Za-z][A-Za-z'\u2019-]*(?:[ ,;:]+[A-Za-z][A-Za-z'\u2019-]*){2,}")


def english(line: str) -> list[str]:
    """What of a line is said in English: three plain words in a row, or three words with a small one among them."""
    rest = QUOTED.sub("", line)
    runs = [found[0] for found in RUN.finditer(rest)]
    spoken = [run for run in runs if SMALL & {*re.split(r"[ ,;:]+", run)}]
    return spoken or [found[0] for found in ENGLISH.finditer(rest)]


@pytest.mark.parametrize("case", CASES)
def test_no_english_sentence_is_left_on_a_screen(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    answer = run(*case.split(), "--lang", "zh", "--width", "200")
    assert answer.status == 0, answer.err
    assert HAN.search(answer.out)
    assert [line for line in answer.out.splitlines() if english(line)] == []


def test_the_scan_sees_a_sentence_and_lets_names_pass() -> None:
    assert english("显存 it fits the card 足够")
    assert english("0 to 3: nothing, states of gradients 切分")
    assert english("weights are kept")
    assert not english("qwen3-8b Q4_K_M GeForce RTX")
    assert not english("llama.cpp, ollama, vllm")
    assert not english("llmscale explain what it is")


def test_every_command_is_scanned() -> None:
    assert {case.split()[0] for case in CASES if case} >= {*COMMANDS} - {"tui", "web", "mcp"}


@pytest.mark.parametrize("word", explained())
def test_every_word_is_explained_without_english(word: str) -> None:
    said = run("explain", word, "--lang", "zh", "--width", "200").out.splitlines()
    assert [line for line in said if not line.startswith("又称:") and english(line)] == []


def commands(command: Any, context: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """What is typed for each command and those below it."""
    yield path
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        with below.make_context(name, [], resilient_parsing=True, parent=context) as inner:
            yield from commands(below, inner, (*path, name))


def test_no_english_sentence_is_left_in_any_help() -> None:
    program = typer.main.get_command(app)
    with program.make_context("llmscale", ["-"], resilient_parsing=True) as context:
        paths = list(commands(program, context))
    assert len(paths) > 25
    left = {
        (path, line)
        for path in paths
        for line in run(*path, "--help", "--lang", "zh").out.splitlines()
        if english(line)
    }
    assert left == set()


def test_what_an_entry_says_is_quoted_and_nothing_else_of_it_is_english() -> None:
    """Of a model, all that is no quotation of its entry: every label, and every value that is not a name."""
    for model in ("gpt-4", "grok-1", "doubao", "kimi-k2"):
        assert catalogue.entry(model)
        said = run("models", "show", model, "--lang", "zh", "--width", "200").out.splitlines()
        assert [line.split("  ")[0] for line in said if english(line.split("  ")[0])] == []


REFUSALS = [
    "estimate lama-3.1-8b",
    "estimate",
    "estimate 7B --foo",
    "estimate 7B -c 0",
    "estimate 7B --gpu rtx409",
    "estimate 7B --width x",
    "estimate 7B -q q9",
    "estimate gpt-4",
    "estimate ./nosuch.json",
    "log ./nosuch.log",
    "estimat 7B",
    "fits 0xrtx4090",
    "fits rtx4090 --for poetry",
    "compare gpt2",
    "train gpt2 --gpu cpu",
    "explain kvcahe",
    "plot poem",
    "models show nosuchmodel",
    "quants show q99",
    "runtimes nosuch",
    "scaling",
    "serve-cost llama-3.1-8b --gpu m3-max -q awq",
]


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_are_in_chinese(case: str) -> None:
    answer = run(*case.split(), "--lang", "zh")
    assert answer.status in (2, 3, 4)
    first, *rest = answer.err.splitlines()
    assert first.startswith(("错误: ", "理解为: "))
    assert HAN.search(first.partition(" ")[2])
    assert [line for line in (first, *rest) if ENGLISH.search(QUOTED.sub("", line))] == []


def test_an_error_in_json_is_the_same_in_every_language() -> None:
    asked = ("estimate", "nosuch-model-9", "-o", "json")
    assert run(*asked, "--lang", "zh").err == run(*asked).err


def test_a_sentence_within_a_sentence_is_said_too() -> None:
    say = phrases("zh")
    assert say("a.json lacks 'vocab_size'.") == "a.json 缺少“vocab_size”"
    assert (
        say("Did you mean q4_0 or q4_1? All: llmscale quants list") == "是否指 q4_0 或 q4_1?全部:llmscale quants list"
    )
    assert say("Nothing that anybody has said.") == "Nothing that anybody has said."
    assert say("A line.\nAs 1e24.") == "A line.\n例如 1e24。"
    assert phrases("en")("As 1e24.") == "As 1e24."


def test_english_reports_are_left_alone() -> None:
    report = legible(Report((), ("As 1e24.",)))
    assert translated(report, words("en")) is report
    assert translated(report, words("zh")).notes == ("例如 1e24。",)


@pytest.mark.parametrize(
    ("file", "told"), [("A {}: b\n", "as many things"), ("- a\n", "must map"), ("A: 3\n", "valid string")]
)
def test_a_file_of_phrases_is_checked(file: str, told: str) -> None:
    from llmscale.errors import InputFileError
    from llmscale.store.phrases import check
    from llmscale.store.yaml_file import YamlFile

    with pytest.raises(InputFileError, match=told):
        check(YamlFile("zh.yaml", file))


def test_commands_are_all_in_the_help() -> None:
    from llmscale.cli.help import COMMANDS as GROUPS

    assert {name for names in GROUPS.values() for name in names} == set(COMMANDS)
    assert len(table("zh")) > 900
    assert Path(SOURCE).is_dir()


def data_sentences() -> Iterator[tuple[str, str]]:
    """What the data rooms say of models, devices and quants, with what says it."""
    for entry in catalogue.entries():
        told = (entry.note, entry.difference, entry.undisclosed, entry.no_config, entry.stated_how)
        yield from ((entry.id, text) for text in told if text)
        yield from ((entry.id, text) for rumour in entry.rumours for text in (rumour.who, rumour.what) if text)
    yield from ((device.id, device.note) for device in devices() if device.note)
    for quant in quants():
        yield from ((quant.id, text) for text in (quant.note, quant.meant_for, quant.hardware) if " " in text)


def test_every_sentence_of_the_data_is_said_in_chinese() -> None:
    """Each as a whole: a template that says half of it leaves words of English behind."""
    say = phrases("zh")
    told = {text: say(text) for _, text in data_sentences()}
    assert len(told) > 500
    assert {text: other for text, other in told.items() if not HAN.search(other)} == {}
    assert {text: left for text, other in told.items() if (left := english(other))} == {}


@pytest.mark.parametrize("model", ["gpt-4", "llama-2-70b", "codellama-7b", "kimi-k2", "ernie-3.0-titan"])
def test_what_an_entry_says_is_in_chinese(model: str) -> None:
    answer = run("models", "show", model, "--lang", "zh", "--width", "200")
    told = ("说明", "差异原因", "公布情况", "官方上下文")
    shown = [line for line in answer.out.splitlines() if line.startswith(told)]
    assert shown
    assert not [line for line in shown if english(line)]
    assert "原文" not in "".join(shown)


def test_what_a_device_and_a_quant_say_is_in_chinese() -> None:
    for asked in (("devices", "show", "mi250x"), ("devices", "show", "m3-max"), ("quants", "show", "gguf-convert")):
        shown = run(*asked, "--lang", "zh", "--width", "200").out.splitlines()
        (line,) = [line for line in shown if line.startswith("说明")]
        assert HAN.search(line.removeprefix("说明"))
        assert not english(line)
