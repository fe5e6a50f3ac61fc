"""The command line, command by command and form by form; mostly in this process."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from itertools import product
from typing import Any

import pytest
import yaml
from rich.cells import cell_len

import llmscale
from llmscale.render.report import Report
from llmscale.units import GIB
from tests.helpers import NUMBER, good, not_whole, numbers, run

COMMANDS: dict[str, list[str]] = {
    "estimate": ["estimate", "llama-2-7b"],
    "estimate size": ["estimate", "7B"],
    "estimate experts": ["estimate", "8x7B"],
    "estimate long": ["estimate", "llama-3.1-405b", "--context", "128k", "--batch", "1000"],
    "estimate devices": ["estimate", "llama-2-7b", "--gpu", "rtx4090", "--gpu", "2x rtx3090"],
    "estimate explained": ["estimate", "gemma-3-27b", "--explain"],
    "params": ["params", "deepseek-v3"],
    "params exact": ["params", "llama-2-7b", "--exact"],
    "params explained": ["params", "gpt2", "--explain"],
    "params undisclosed": ["params", "gpt-4"],
    "params size": ["params", "30B-A3B"],
    "compare": ["compare", "gpt-3", "llama-2-70b", "kimi-k2"],
    "compare undisclosed": ["compare", "gpt-4", "7B"],
    "fits": ["fits", "rtx4090"],
    "fits range": ["fits"],
    "fits some": ["fits", "2x rtx3090", "llama-2-70b", "8x7B"],
    "needs": ["needs", "llama-2-70b"],
    "needs nothing": ["needs", "deepseek-v3", "--quant", "fp32"],
    "models": ["models"],
    "models list": ["models", "list", "qwen"],
    "models list nothing": ["models", "list", "nosuchword"],
    "models show": ["models", "show", "llama-2-7b"],
    "models check": ["models", "check"],
    "devices": ["devices"],
    "devices list": ["devices", "list", "apple"],
    "devices show": ["devices", "show", "rtx4090"],
    "quants": ["quants"],
    "quants list": ["quants", "list", "int"],
    "quants show": ["quants", "show", "int4"],
}


#: Answers so long that writing them in every form would take most of the time; their shorter twins are here too.
LONG = {"fits range", "models", "devices"}
SHORT = [case for case in COMMANDS if case not in LONG]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def asked_for(*arguments: str) -> Any:
    """The answer as JSON; asked for once."""
    return good(*arguments, "-o", "json").json()


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Every report that is drawn, as it was before."""
    from llmscale.render.writers import table

    seen: list[Report] = []
    write = table.write_table

    def watch(report: Report, *rest: Any) -> None:
        seen.append(report)
        write(report, *rest)

    monkeypatch.setattr(table, "write_table", watch)
    return seen


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", COMMANDS)
def test_no_line_is_wider_than_asked_and_no_number_is_cut(case: str, width: int, reports: list[Report]) -> None:
    for lang in ("en", "zh") if width == 80 and case not in LONG else ("en",):
        text = good(*COMMANDS[case], "--width", str(width), "--lang", lang).out
        assert [line for line in text.splitlines() if cell_len(line) > width] == []
        assert "\x1b" not in text
        lines = text.splitlines()
        for table in reports[-1].tables:
            for row in table.rows:
                for column, cell in zip(table.columns, row, strict=True):
                    # A narrow screen may do without a spare column; what it shows of it is whole all the same.
                    if column.right and (width == 120 or not column.spare):
                        assert any(cell.text in line for line in lines), (column.key, cell.text)


@pytest.mark.parametrize("case", SHORT)
def test_piped_output_is_plain_and_has_no_edge(case: str, reports: list[Report]) -> None:
    text = good(*COMMANDS[case]).out
    assert "\x1b" not in text
    assert "…" not in text or "…" in json.dumps(asked_for(*COMMANDS[case]), ensure_ascii=False)
    for note in reports[0].notes:
        assert note in text
    assert all(table.title in text for table in reports[0].tables)


@pytest.mark.parametrize("case", COMMANDS)
def test_json_parses_and_yaml_loads_to_the_same_object(case: str) -> None:
    answer = asked_for(*COMMANDS[case])
    assert list(answer)[:2] == ["schema", "command"]
    assert answer["schema"] == "llmscale/1"
    assert answer["command"].split()[0] == case.split()[0]
    assert not_whole(answer) == set()
    if case not in LONG:
        assert yaml.load(good(*COMMANDS[case], "-o", "yaml").out, LOADER) == answer


def scalars(value: Any) -> set[float]:
    """Every number in a JSON answer."""
    if isinstance(value, dict):
        return {number for item in value.values() for number in scalars(item)}
    if isinstance(value, list):
        return {number for item in value for number in scalars(item)}
    return {float(value)} if isinstance(value, (int, float)) and not isinstance(value, bool) else set()


def sums_of_parts(answer: dict[str, Any]) -> set[float]:
    """What the tree of ``params`` adds up: the tensors of one role, its weights and its biases."""
    roles: dict[tuple[str, str], float] = {}
    for line in answer.get("tensors", []):
        if line["tied_to"] is None:
            at = line["component"], line["role"].partition(".")[2]
            roles[at] = roles.get(at, 0) + line["parameters"]
    return set(roles.values())


#: Columns that are computed for people, and so are not in the JSON.
DERIVED = {"share_percent", "percent", "fits_from_bytes", "overhead_bytes", "value", "Sum", "shape", "aliases", "note"}
NOT_NUMBERS = DERIVED | {"what", "who", "tensor", "fact", "difference"}


@pytest.mark.parametrize("case", [*SHORT, "fits range"])
def test_csv_parses_and_its_numbers_are_those_of_the_json(case: str) -> None:
    answer = asked_for(*COMMANDS[case])
    known = scalars(answer) | sums_of_parts(answer)
    text = good(*COMMANDS[case], "-o", "csv").out
    rows = list(csv.reader(io.StringIO(text)))
    header: list[str] = []
    checked = 0
    for before, row in zip([[], *rows], rows, strict=False):
        if not row:
            continue
        if not before:
            header = row
            assert len(set(header)) == len(header)
            continue
        assert len(row) == len(header)
        if row[0] == "Sum":
            continue
        for key, cell in zip(header, row, strict=True):
            if key in NOT_NUMBERS or not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", cell):
                continue
            assert float(cell) in known, (key, cell)
            checked += 1
    assert checked or case in (
        "models list nothing",
        "needs nothing",
        "models show",
        "quants show",
        "devices show",
        "fits range",
    )


@pytest.mark.parametrize("case", SHORT)
def test_markdown_is_a_table(case: str) -> None:
    lines = good(*COMMANDS[case], "-o", "markdown").out.splitlines()
    if case == "models list nothing":
        assert lines == ["- 0 models."]
        return
    heads = [at for at, line in enumerate(lines) if re.fullmatch(r"\|( :--- \|| ---: \|)+", line)]
    assert heads
    for at in heads:
        columns = lines[at].count("|")
        for line in lines[at - 1 :]:
            if not line.startswith("|"):
                break
            assert line.replace("\\|", "").count("|") == columns


# -- what the tables say -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "context", "batch"),
    [
        *product(["7B", "llama-2-7b", "deepseek-v3", "8x7B"], ["512", "8k"], ["1", "16"]),
        ("gpt2", "1024", "1"),
        ("llama-3.1-405b", "131,072", "1000"),
        ("seed1.5-thinking", "4096", "1"),
    ],
)
def test_every_number_of_the_estimate_is_that_of_the_json_rounded(model: str, context: str, batch: str) -> None:
    asked = ["estimate", model, "-c", context, "-b", batch, "--gpu", "rtx4090"]
    answer = good(*asked, "-o", "json").json()
    lines = [line for line in good(*asked, "--quiet", "--width", "300").out.splitlines() if line.strip()]
    assert f"{answer['context']:,}" in lines[0]
    printed = [re.split(r"  +", line) for line in lines if line.startswith(("FP", "INT", "BF"))]
    assert len(printed) == len(answer["estimates"]) == 4
    for row, line in zip(printed, answer["estimates"], strict=True):
        line["rest"] = line["compute_bytes"] + line["overhead_bytes"]
        for text, key in zip(row[1:5], ("weights_bytes", "kv_cache_bytes", "rest", "total_bytes"), strict=True):
            ends = line["ranges"].get(key, [])
            expected = {1: [line[key]], 2: ends, 3: [line[key], *ends]}[len(NUMBER.findall(text))]
            assert ends or len(expected) == 1
            for found, value in zip(NUMBER.findall(text), expected, strict=True):
                rounding = 0.501 * 10.0 ** -len(found.partition(".")[2])
                assert numbers(found)[0] == pytest.approx(value / GIB, abs=rounding), (key, text)
    devices = [line for line in lines if line.startswith("rtx4090")]
    for text, line in zip(devices, answer["estimates"], strict=True):
        (device,) = line["devices"]
        tail = re.search(r"(yes|no|maybe)\s+(.*)", text)
        assert tail is not None
        assert (tail[1] == "yes") == device["fits"]
        assert (tail[1] == "maybe") == (device["may_fit"] and not device["fits"])
        fields = re.split(r"  +", tail[2].strip())
        usable, free = (numbers(field)[0] for field in fields[:2])
        assert usable == pytest.approx(device["usable_bytes"] / GIB, abs=0.00501)
        assert free == pytest.approx(abs(device["headroom_bytes"]) / GIB, abs=0.00501)
        assert ("-" in fields[1]) == (device["headroom_bytes"] < 0)
        for cell, key in zip(fields[2:4], ("max_context", "max_batch"), strict=True):
            assert numbers(cell) == ([] if device[key] is None else [device[key]])
        speeds = [device["tokens_per_second"], *(device["tokens_per_second_range"] or ())]
        shown = [float(n) * (1000 if k else 1) for field in fields[4:6] for n, k in re.findall(r"([\d.]+)(k?)", field)]
        assert shown == pytest.approx([speed for speed in speeds if speed is not None], rel=0.06)


def test_params_prints_every_digit_when_asked() -> None:
    text = good("params", "llama-2-7b", "--exact").out
    components = llmscale.params("llama-2-7b").parameters
    assert components is not None
    for size in (components.total, *filter(None, components.components.values())):
        assert f"{size:,}" in text
    assert "6.74 B" in good("params", "llama-2-7b").out


def test_shares_add_up_to_a_hundred() -> None:
    rows = list(csv.DictReader(io.StringIO(good("params", "deepseek-v3", "-o", "csv").out)))
    names = set(asked_for("params", "deepseek-v3")["parameters"]["components"])
    top = [
        row for row in rows if row["component"].lstrip("├└─ ") in names and not row["component"].startswith(("│", " "))
    ]
    assert sum(float(row["share_percent"]) for row in top) == pytest.approx(100, abs=0.01)
    assert "100.00 %" in good("params", "deepseek-v3").out


def test_explaining_mentions_the_numbers() -> None:
    text = good("estimate", "llama-2-7b", "-q", "fp16", "--explain").out
    for number in ("6,738,415,616", "13,476,831,232", "2,147,483,648", "536,870,912"):
        assert number in text
    assert "6,738,415,616 parameters" not in good("estimate", "llama-2-7b").out
    text = good("params", "gpt2", "--explain").out
    assert re.search(r"50,257 ?x ?768", text)
    assert "124,439,808" in text
    assert "(tied)" in text


def test_inexact_numbers_are_marked_and_exact_ones_are_not() -> None:
    rows = {
        line.split()[0]: line for line in good("estimate", "llama-2-7b", "--quiet").out.splitlines() if line.strip()
    }
    weights, cache, other, total = rows["INT4"].split()[1:5]
    assert not weights.startswith("~")
    assert not cache.startswith("~")
    assert other.startswith("~")
    assert total.startswith("~")
    assert "~200" in good("params", "seed1.5-thinking").out


def test_chinese_counts_in_chinese() -> None:
    assert "67.38 亿" in good("estimate", "llama-2-7b", "--lang", "zh").out
    assert "万亿" in good("params", "kimi-k2", "--lang", "zh").out
    assert "亿" not in good("estimate", "llama-2-7b").out
    for case in ("params", "compare", "fits", "needs", "devices"):
        assert re.search(r"[\u4e00-\u9fff]", good(*COMMANDS[case], "--lang", "zh").out)
    english = good("estimate", "llama-2-7b", "-o", "json").json()
    assert good("estimate", "llama-2-7b", "-o", "json", "--lang", "zh").json() == english


def test_quiet_leaves_the_notes_out() -> None:
    assert "~ is not exact" in good("estimate", "7B").out
    assert "~ is not exact" not in good("estimate", "7B", "--quiet").out
    assert "Prices" not in good("needs", "7B", "--quiet").out


def test_undisclosed_models_say_so_and_rumours_are_called_rumours() -> None:
    text = good("params", "gpt-4").out
    assert "undisclosed" in text
    assert "rumour" in text.lower()
    assert "undisclosed" in good("params", "doubao").out
    assert "undisclosed" in good("models", "show", "tars").out


def test_what_fits_and_what_just_misses() -> None:
    text = good("fits", "rtx3060-12gb").out
    assert "Just miss" in text
    assert "larger models are not shown" in text
    assert "larger models are not shown" not in good("fits", "rtx3060-12gb", "--all").out
    assert "Just miss" not in good("fits", "2x h200", "7B").out


def test_needs_says_when_nothing_is_enough() -> None:
    assert "--max-count" in good("needs", "deepseek-v3", "-q", "fp32").out
    assert "h100" in good("needs", "deepseek-v3", "-q", "int4", "--max-count", "16", "--all").out


# -- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"), [("8192", 8192), ("8k", 8192), ("8K", 8192), ("8,192", 8192), ("+5", 5), ("128k", 131_072)]
)
def test_contexts_as_people_write_them(text: str, tokens: int) -> None:
    assert good("estimate", "7B", "--context", text, "-o", "json").json()["context"] == tokens


def test_quants_and_devices_may_be_given_several_times() -> None:
    answer = good(
        "estimate", "7B", "-q", "int4", "-q", "half", "--gpu", "RTX 4090", "--gpu", "2x rtx-3090", "-o", "json"
    ).json()
    assert [line["quant"] for line in answer["estimates"]] == ["int4", "fp16"]
    assert [(d["id"], d["count"]) for d in answer["estimates"][0]["devices"]] == [("rtx4090", 1), ("rtx3090", 2)]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["estimate", "7B", "--gpu", "rtx4090", "--check"], 0),
        (["estimate", "llama-2-70b", "--gpu", "rtx4090", "--check"], 1),
        (["estimate", "llama-2-70b", "--gpu", "rtx4090", "--gpu", "2x h200", "--check"], 0),
        (["fits", "rtx4090", "7B", "--check"], 0),
        (["fits", "rtx4090", "700B", "--check"], 1),
        (["fits", "700B", "--check"], 3),
        (["fits", "rtx4090", "--check"], 0),
        (["models", "check"], 0),
    ],
)
def test_check_answers_with_its_exit_status(arguments: list[str], status: int) -> None:
    answer = run(*arguments)
    assert answer.status == status
    assert bool(answer.out) == (status < 2)


def test_check_fails_on_a_figure_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmscale.catalogue import entries as catalogue

    entry = catalogue.lookup("gpt2")
    wrong = type(entry)(**{**vars(entry), "parameters": 200_000_000})
    monkeypatch.setattr(catalogue, "entries", lambda *_: iter([wrong]))
    answer = run("models", "check")
    assert answer.status == 1
    assert "UNEXPLAINED" in answer.out
    assert "200.0 M" in answer.out


def test_all_and_max_count_show_more() -> None:
    def devices(*more: str) -> int:
        return len(good("needs", "llama-2-70b", "-o", "json", *more).json()["devices"])

    assert devices() < devices("--all") < devices("--all", "--max-count", "8")


# -- the program itself ------------------------------------------------------------------------

PATHS = ["estimate", "params", "compare", "fits", "needs", "models", "devices", "quants"]
DEEPER = ["models list", "models show", "models check", "devices list", "devices show", "quants list", "quants show"]


@pytest.mark.parametrize("path", ["", *PATHS])
def test_every_command_has_help_with_an_example(path: str) -> None:
    text = good(*path.split(), "--help").out
    assert "Example" in text
    assert "llmscale " + path in text
    assert "--help" in text


@pytest.mark.parametrize("path", DEEPER)
def test_the_commands_of_a_group_have_an_example_too(path: str) -> None:
    text = good(*path.split(), "--help").out
    assert "Example" in text
    assert f"llmscale {path}" in " ".join(text.split())


def test_help_lists_every_command() -> None:
    text = good("--help").out
    assert all(re.search(rf"^\s+{name}\s", text, re.MULTILINE) for name in PATHS)


def test_the_version() -> None:
    assert good("--version").out == f"llmscale {llmscale.__version__}\n"


def test_without_a_command_the_help_is_shown_as_help() -> None:
    answer = run()
    text = answer.out + answer.err
    assert "Usage" in text
    assert not text.startswith("error")


@pytest.mark.parametrize(
    ("kind", "start", "found"),
    [("model", "llama-2-", "llama-2-7b"), ("device", "RTX40", "rtx4090"), ("quant", "int", "int4")],
)
def test_names_complete(kind: str, start: str, found: str) -> None:
    from llmscale.cli import options

    complete = getattr(options, f"complete_{kind}")
    names = complete(start)
    assert found in names
    assert all(name.startswith(start.lower()) for name in names)
    assert complete("nosuch") == []


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["estimate", "通义千问-7b", "--lang", "zh"],
        ["estimate", "7B", "--explain"],
        ["params", "deepseek-v3"],
        ["models", "show", "doubao"],
        ["models", "show", "doubao", "-o", "json"],
        ["models", "show", "doubao", "-o", "yaml"],
        ["fits", "rtx4090", "--lang", "zh", "-o", "markdown"],
        ["--help"],
        ["compare", "--help"],
    ],
)
def test_any_encoding_gets_an_answer(arguments: list[str], encoding: str) -> None:
    answer = run(*arguments, encoding=encoding)
    assert (answer.status, answer.err) == (0, "")
    assert NUMBER.search(answer.out) or "Usage" in answer.out


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_errors_are_said_in_any_encoding(encoding: str) -> None:
    answer = run("estimate", "--", "-7B", encoding=encoding)
    assert answer.status == 2
    assert answer.err.startswith("error: '-7B' is not a model size")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("通义千问-7b", "qwen-7b"),
        ("opt-1.3b", "opt-1.3b"),
        ("opt-13b", "opt-13b"),
    ],
)
def test_names_as_people_type_them(name: str, model: str) -> None:
    assert good("estimate", name, "-o", "json").json()["model"]["id"] == model
    (line,) = good("fits", "RTX 4090", name, "-o", "json").json()["models"]
    assert line["id"] == model
