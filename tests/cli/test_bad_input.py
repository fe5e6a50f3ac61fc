"""Everything that can be typed wrong, one by one: the right exit status, one message that names it, no traceback.

Most run in this process; one of each kind also runs through the real one.
"""

from __future__ import annotations

import json

import pytest

from tests.cli.refusals import BAD_FILE, NOT_FOUND, USAGE, refused
from tests.helpers import process, run

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
    "command without a device": (["estimate", "7B", "--command"], USAGE, ["--command", "--gpu"]),
    "train nothing": (["train"], USAGE, ["MODEL is needed"]),
    "efficiency without tokens": (["train", "llama-3-8b", "--mfu", "0.4"], USAGE, ["--tokens"]),
    "unknown count of scores": (["train", "llama-3-8b", "--flops", "round"], USAGE, ["--flops round", "causal"]),
    "unknown attention": (["train", "llama-3-8b", "--attn", "foo"], USAGE, ["--attn foo", "flash"]),
    "micro-batch of nothing": (["train", "llama-3-8b", "--micro-batch", "0"], USAGE, ["--micro-batch"]),
    "rate of an unnamed card": (["train", "llama-3-8b", "--tokens", "1B", "--gpu", "24GB"], USAGE, ["'24GB'"]),
    "scaling of a closed model": (["scaling", "gpt-4"], NOT_FOUND, ["GPT-4", "--params"]),
    "budget of an uncommon card": (["scaling", "--budget", "100", "--gpu", "rtx3060"], USAGE, ["rtx3060", "h100"]),
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
