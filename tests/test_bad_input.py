"""Everything that can be typed wrong, one by one: the right exit status, one message that names it, no traceback.

Most run in this process; one of each kind also runs through the real one.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from llmscale.cli.app import main
from llmscale.errors import LlmscaleError, NotFoundError
from llmscale.sources.registry import load
from tests.helpers import Answer, process, run, tiny, write_config

USAGE, NOT_FOUND, BAD_FILE = 2, 3, 4


def refused(answer: Answer, status: int, *words: str) -> None:
    assert answer.status == status, answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert "defect" not in answer.err
    assert answer.err.startswith("error: ")
    assert all(word in answer.err for word in words), answer.err
    assert len(answer.err.splitlines()) <= 3


#: (arguments, exit status, words that the message must have)
TYPED: dict[str, tuple[list[str], int, list[str]]] = {
    "unknown command": (["frobnicate"], USAGE, ["'frobnicate'"]),
    "misspelt command": (["estmate", "7B"], USAGE, ["'estmate'", "estimate"]),
    "unknown option": (["estimate", "7B", "--frob"], USAGE, ["--frob"]),
    "unknown subcommand": (["models", "frob"], USAGE, ["'frob'"]),
    "unknown model": (["estimate", "nosuchmodel"], NOT_FOUND, ["'nosuchmodel'", "llmscale models list"]),
    "misspelt model": (["params", "lama-2-7b"], NOT_FOUND, ["'lama-2-7b'", "llama-2-7b"]),
    "unknown device": (["estimate", "7B", "--gpu", "nosuch"], NOT_FOUND, ["'nosuch'", "llmscale devices list"]),
    "misspelt device": (["fits", "rtx4091"], NOT_FOUND, ["'rtx4091'", "rtx4090"]),
    "unknown device shown": (["devices", "show", "nosuch"], NOT_FOUND, ["'nosuch'"]),
    "unknown quant": (["estimate", "7B", "--quant", "nosuch"], NOT_FOUND, ["'nosuch'", "llmscale quants list"]),
    "unknown quant shown": (["quants", "show", "int5"], NOT_FOUND, ["'int5'", "int4"]),
    "unknown quant in needs": (["needs", "7B", "--quant", "nope"], NOT_FOUND, ["'nope'"]),
    "unknown quant in compare": (["compare", "7B", "8B", "--quant", "nope"], NOT_FOUND, ["'nope'"]),
    "unknown kv format": (["estimate", "7B", "--kv-dtype", "nope"], NOT_FOUND, ["'nope'"]),
    "unknown runtime": (["estimate", "7B", "--runtime", "nope"], NOT_FOUND, ["'nope'", "transformers"]),
    "unknown output": (["estimate", "7B", "-o", "nope"], USAGE, ["nope", "json"]),
    "unknown language": (["estimate", "7B", "--lang", "fr"], USAGE, ["fr"]),
    "no model": (["estimate"], USAGE, ["MODEL"]),
    "empty model": (["estimate", ""], USAGE, ["No model is named"]),
    "blank model": (["params", "  "], USAGE, ["No model is named"]),
    "one model compared": (["compare", "7B"], USAGE, ["two models"]),
    "minus seven": (["estimate", "--", "-7B"], USAGE, ["'-7B'", "7B"]),
    "minus seven without dashes": (["estimate", "-7B"], USAGE, ["-7"]),
    "zero": (["estimate", "0B"], USAGE, ["'0B'", "more than zero"]),
    "far too large": (["estimate", "1e400B"], USAGE, ["'1e400B'", "too large"]),
    "not a number": (["estimate", "nanB"], USAGE, ["'nanB'"]),
    "infinite": (["estimate", "infB"], USAGE, ["'infB'"]),
    "beyond any model": (["estimate", "99999T"], USAGE, ["'99999T'", "too large"]),
    "two points": (["estimate", "1.2.3B"], USAGE, ["'1.2.3B'"]),
    "more active than there are": (["estimate", "3B-A30B"], USAGE, ["'3B-A30B'", "more active"]),
    "no experts": (["estimate", "0x7B"], USAGE, ["0x7B"]),
    "experts without end": (["estimate", "999999999999x7B"], USAGE, ["999999999999x7B"]),
    "context below zero": (["estimate", "7B", "--context", "-1"], USAGE, ["--context", "-1"]),
    "context of nothing": (["estimate", "7B", "--context", "0"], USAGE, ["--context", "0"]),
    "context of words": (["estimate", "7B", "--context", "abc"], USAGE, ["--context", "'abc'"]),
    "context without end": (["estimate", "7B", "--context", str(10**30)], USAGE, ["--context", "1000"]),
    "context with a fraction": (["estimate", "7B", "--context", "1.5"], USAGE, ["--context", "'1.5'"]),
    "context too long": (["fits", "rtx4090", "--context", "2000000k"], USAGE, ["--context"]),
    "no context given": (["estimate", "7B", "--context"], USAGE, ["--context"]),
    "batch of nothing": (["estimate", "7B", "--batch", "0"], USAGE, ["--batch 0"]),
    "batch below zero": (["needs", "7B", "--batch", "-3"], USAGE, ["--batch -3"]),
    "batch of words": (["estimate", "7B", "--batch", "abc"], USAGE, ["--batch"]),
    "batch without end": (["fits", "rtx4090", "--batch", "99999999999"], USAGE, ["--batch"]),
    "reserve of everything": (
        ["estimate", "7B", "--gpu", "rtx4090", "--reserve", "99GiB"],
        USAGE,
        ["rtx4090", "99.00"],
    ),
    "reserve of every common size": (["estimate", "7B", "--reserve", "99GiB"], USAGE, ["--reserve"]),
    "reserve of words": (["fits", "rtx4090", "--reserve", "abc"], USAGE, ["'abc'", "reserve"]),
    "reserve without unit": (["fits", "rtx4090", "--reserve", "5"], USAGE, ["'5'", "reserve"]),
    "no devices at all": (["fits", "0x rtx4090"], USAGE, ["'0x rtx4090'", "0 devices"]),
    "a count alone": (["fits", "2x"], NOT_FOUND, ["'2x'"]),
    "a count and blanks": (["fits", "2x "], USAGE, ["No device"]),
    "empty device": (["fits", ""], USAGE, ["No device"]),
    "more than the card has": (["fits", "rtx4090:99GB"], USAGE, ["'rtx4090:99GB'", "23.99 GiB"]),
    "check without a device": (["estimate", "7B", "--check"], USAGE, ["--check", "--gpu"]),
    "no devices together": (["needs", "7B", "--max-count", "0"], USAGE, ["--max-count"]),
    "width of nothing": (["estimate", "7B", "--width", "5"], USAGE, ["--width"]),
    "undisclosed": (["estimate", "doubao"], NOT_FOUND, ["Doubao", "ByteDance", "seed-oss-36b"]),
    "undisclosed in needs": (["needs", "gpt-4"], NOT_FOUND, ["GPT-4", "llama-3.1-405b"]),
    "undisclosed in fits": (["fits", "rtx4090", "tars"], NOT_FOUND, ["params tars"]),
    "a size that Llama 2 has not": (["params", "llama-2-65b"], NOT_FOUND, ["llama-65b", "llama-2-70b"]),
    "a size that Llama 3 has not": (["estimate", "llama-3-7b"], NOT_FOUND, ["llama-3-8b"]),
    "missing path": (["estimate", "./missing"], BAD_FILE, ["./missing", "No such file"]),
    "missing file": (["params", "missing.json"], BAD_FILE, ["missing.json"]),
    "missing home path": (["params", "~/surely/missing"], BAD_FILE, ["missing"]),
}

#: These also run as users run them.
THROUGH_THE_PROCESS = [
    "unknown command",
    "unknown option",
    "misspelt model",
    "unknown device",
    "unknown quant",
    "minus seven",
    "not a number",
    "context without end",
    "batch of nothing",
    "no devices at all",
    "undisclosed",
    "a size that Llama 2 has not",
    "missing path",
]


@pytest.mark.parametrize("case", TYPED)
def test_typed(case: str) -> None:
    arguments, status, words = TYPED[case]
    refused(run(*arguments), status, *words)


@pytest.mark.parametrize("case", THROUGH_THE_PROCESS)
def test_typed_through_the_process(case: str) -> None:
    arguments, status, words = TYPED[case]
    refused(process(*arguments), status, *words)


@pytest.mark.parametrize("case", [*THROUGH_THE_PROCESS, "unknown runtime", "reserve of words", "undisclosed in fits"])
def test_typed_with_json_asked_for(case: str) -> None:
    arguments, status, words = TYPED[case]
    at = arguments.index("--") if "--" in arguments else len(arguments)
    answer = run(*arguments[:at], "-o", "json", *arguments[at:])
    assert (answer.status, answer.out) == (status, "")
    told = json.loads(answer.err)
    assert told["schema"] == "llmscale/1"
    assert set(told["error"]) == {"kind", "message", "hint"}
    assert (
        told["error"]["kind"]
        in {
            USAGE: {"usage"},
            NOT_FOUND: {"not_found", "undisclosed"},
            BAD_FILE: {"input_file", "unsupported_model"},
        }[status]
    )
    text = told["error"]["message"] + told["error"]["hint"]
    assert all(word in text for word in words), text


@pytest.mark.parametrize("spelling", [["-o", "json"], ["-ojson"], ["--output", "json"], ["--output=json"]])
def test_every_spelling_of_json_gets_its_errors_in_json(spelling: list[str]) -> None:
    told = json.loads(run("estimate", "nosuch", *spelling).err)
    assert told["error"]["kind"] == "not_found"


def test_errors_in_json_through_the_process() -> None:
    answer = process("estimate", "doubao", "-o", "json")
    assert (answer.status, answer.out) == (NOT_FOUND, "")
    assert json.loads(answer.err)["error"]["kind"] == "undisclosed"


def test_an_undisclosed_model_still_has_its_params() -> None:
    answer = run("params", "doubao")
    assert (answer.status, answer.err) == (0, "")
    assert "ByteDance" in answer.out


# -- files -------------------------------------------------------------------------------------

#: (what the file holds, exit status, words that the message must have)
FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["is empty"]),
    "blank": (" \n\t\n", ["is empty"]),
    "binary": (bytes(range(256)) * 10, ["is not text"]),
    "zeros": (bytes(4096), ["is not JSON"]),
    "deep": ("[" * 200_000, ["nested too deeply"]),
    "deep objects": ('{"a":' * 100_000, ["nested too deeply"]),
    "a list": ("[1, 2]", ["holds a JSON list"]),
    "a number": ("5", ["holds a JSON number"]),
    "a text": ('"llama"', ["holds a JSON text"]),
    "a truth value": ("true", ["holds a JSON truth value"]),
    "null": ("null", ["holds a JSON null"]),
    "cut short": ('{"model_type": "llama", "hidden', ["is not JSON"]),
    "NaN": ('{"model_type": "llama", "hidden_size": NaN}', ["NaN"]),
    "Infinity": ('{"model_type": "llama", "hidden_size": -Infinity}', ["Infinity"]),
    "five thousand digits": ('{"model_type": "llama", "hidden_size": ' + "9" * 5000 + "}", []),
    "too large": (" " * (5 << 20), ["too large"]),
}

CONFIGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no model_type": ({"hidden_size": 64}, ["no 'model_type'"]),
    "unknown model_type": ({"model_type": "lama"}, ["'lama'", "llama"]),
    "model_type is a list": ({"model_type": ["llama"]}, ["architecture"]),
    "missing dimension": ({k: v for k, v in tiny().items() if k != "hidden_size"}, ["lacks 'hidden_size'"]),
    "negative": (tiny(hidden_size=-64), ["hidden_size = -64"]),
    "zero": (tiny(num_hidden_layers=0), ["num_hidden_layers = 0"]),
    "fraction": (tiny(hidden_size=64.5), ["hidden_size = 64.5"]),
    "truth value": (tiny(vocab_size=True), ["vocab_size = True"]),
    "text": (tiny(hidden_size="64"), ["hidden_size = '64'"]),
    "enormous": (tiny(hidden_size=10**12), ["hidden_size = 1000000000000"]),
    "enormous exponent": (tiny(hidden_size=1e300), ["hidden_size = 1e+300"]),
    "uneven heads": (tiny(num_attention_heads=5, num_key_value_heads=None), ["not a multiple of its 5 heads"]),
    "more KV heads than heads": (tiny(num_key_value_heads=8), ["8 KV heads but only 4"]),
    "layer types too few": (tiny(layer_types=["full_attention"]), ["1 entries in layer_types for 2 layers"]),
    "unknown layer type": (tiny(layer_types=["a", "b"]), ["'a'"]),
    "unknown key": (tiny(num_secret_experts=8), ["'num_secret_experts'", "may change the parameter count"]),
}


@pytest.mark.parametrize("case", FILES)
def test_files(case: str, tmp_path: Path) -> None:
    content, words = FILES[case]
    path = tmp_path / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(run("estimate", str(path)), BAD_FILE, "config.json", *words)


@pytest.mark.parametrize("case", CONFIGS)
def test_configs(case: str, tmp_path: Path) -> None:
    config, words = CONFIGS[case]
    path = write_config(tmp_path, config)
    refused(run("params", str(path)), BAD_FILE, "config.json", *words)
    refused(run("estimate", str(tmp_path)), BAD_FILE, "config.json", *words)


@pytest.mark.parametrize("case", ["binary", "deep", "NaN"])
def test_files_through_the_process(case: str, tmp_path: Path) -> None:
    content, words = FILES[case]
    path = tmp_path / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(process("estimate", str(path)), BAD_FILE, *words)


def test_configs_through_the_process(tmp_path: Path) -> None:
    path = write_config(tmp_path, tiny(num_secret_experts=8))
    refused(process("params", str(path)), BAD_FILE, "'num_secret_experts'")


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    refused(run("estimate", str(tmp_path)), BAD_FILE, str(tmp_path), "has no config.json")


def test_a_folder_in_the_place_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    refused(run("estimate", str(tmp_path)), BAD_FILE, "config.json")


def test_a_path_with_a_zero_byte_is_refused() -> None:
    with pytest.raises(LlmscaleError):
        load("./a\0b")


def test_an_unknown_key_has_its_own_kind_in_json(tmp_path: Path) -> None:
    path = write_config(tmp_path, tiny(num_secret_experts=8))
    told = json.loads(run("params", str(path), "-o", "json").err)
    assert told["error"]["kind"] == "unsupported_model"
    assert "remove it" in told["error"]["hint"]


def test_a_null_key_is_no_error(tmp_path: Path) -> None:
    path = write_config(tmp_path, {**tiny(), "num_secret_experts": None})
    assert run("params", str(path)).status == 0


# -- defects and interruptions -----------------------------------------------------------------


def test_a_defect_of_ours_is_told_as_one_and_debug_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import llmscale.answers.params as room

    def broken(reference: str, **_: object) -> None:
        raise ZeroDivisionError(f"while counting {reference}")

    monkeypatch.setattr(room, "params", broken)
    answer = run("params", "gpt2")
    assert answer.status not in (0, 1, 2, 3, 4, 5)
    assert answer.out == ""
    assert "defect of llmscale: ZeroDivisionError: while counting gpt2" in answer.err
    assert "Traceback" not in answer.err
    assert json.loads(run("params", "gpt2", "-o", "json").err)["error"]["kind"] == "defect"
    with pytest.raises(ZeroDivisionError):
        run("--debug", "params", "gpt2")
    with pytest.raises(NotFoundError):
        run("quants", "show", "nosuchquant", "--debug")


def test_debug_shows_the_traceback_of_an_error() -> None:
    answer = process("--debug", "params", "nosuchmodel")
    assert answer.status not in (0,)
    assert "Traceback" in answer.err
    assert "NotFoundError" in answer.err


def test_interrupting_is_no_error_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import llmscale.answers.params as room

    def interrupted(reference: str, **_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "params", interrupted)
    assert run("params", "gpt2") == Answer(130, "", "")


def test_a_reader_that_has_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import llmscale.answers.params as room

    def gone(reference: str, **_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(room, "params", gone)
    monkeypatch.setattr(sys, "argv", ["llmscale", "params", "gpt2"])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
