"""The ``llama-server`` line: every flag is one of its own, and says what the answer was computed for."""

from __future__ import annotations

import shlex

import pytest

from llmscale import load
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.llama_cpp.launch import llama_server
from llmscale.runtimes.placed import LayerSplit, Placement, Usage
from llmscale.runtimes.subject import Exact

#: llama.cpp 0c1e57098, common/arg.cpp: flags of llama-server with a value, and without.
VALUES = {"-m", "-c", "-np", "-ngl", "--n-cpu-moe", "-fa", "-ctk", "-ctv", "-ub", "-b"}
SWITCHES = {"-kvu", "--swa-full", "-nkvo"}
#: Those of other models that are loaded besides.
LOADED = {"--mmproj", "-md", "--spec-type"}
#: The same file, `kv_cache_types`.
CACHES = {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"}
WHOLE = LayerSplit(33, 33)


def asked(context: int = 8192, batch: int = 1, kv: str = "fp16", kv_v: str = "", **options: object) -> Workload:
    v = number_format(kv_v) if kv_v else None
    return Workload(context, batch, number_format(kv), 2, v, tuple(options.items()))


def subject(model: str = "llama-3.1-8b", form: str = "q4_k_m") -> Exact:
    found = model_of(load(model).known()).subject(quant(form), "llama.cpp")
    assert isinstance(found, Exact)
    return found


def line(work: Workload, layers: LayerSplit = WHOLE, of: Exact | None = None) -> dict[str, str]:
    """The flags of a line with their values; each must be known."""
    it = of or subject()
    told = llama_server(it, work, Placement((Usage(0),), layers=layers), ModelName(it.spec.id))
    assert told is not None
    program, *words = shlex.split(told)
    assert program == "llama-server"
    found: dict[str, str] = {}
    while words:
        flag = words.pop(0)
        assert flag in VALUES | SWITCHES | LOADED, flag
        found[flag] = "" if flag in SWITCHES else words.pop(0)
    return found


def test_slots_and_layers_are_always_said_since_llama_server_would_choose_its_own() -> None:
    assert line(asked()) == {
        "-m": "llama-3.1-8b-Q4_K_M.gguf", "-c": "8192", "-np": "1", "-ngl": "33", "-fa": "on",
    }  # fmt: skip


def test_the_context_of_all_slots_is_given_at_once() -> None:
    found = line(asked(8192, 4))
    assert (found["-c"], found["-np"]) == ("32768", "4")


def test_every_option_has_its_flag() -> None:
    options = {"ubatch": 4096, "flash_attn": False, "unified_kv": True, "swa_full": True, "kv_offload": False}
    found = line(asked(kv="q8_0", kv_v="q4_0", **options), LayerSplit(30, 33, 12))
    assert found.keys() == VALUES | SWITCHES
    assert {found["-ctk"], found["-ctv"]} == {"q8_0", "q4_0"} <= CACHES
    assert (found["-fa"], found["-ub"], found["-b"]) == ("off", "4096", "4096")
    assert (found["-ngl"], found["--n-cpu-moe"]) == ("30", "12")


def test_the_default_batch_holds_a_smaller_step() -> None:
    assert "-b" not in line(asked(ubatch=1024))


def test_one_cache_format_is_that_of_keys_and_values() -> None:
    found = line(asked(kv="q8_0"))
    assert found["-ctk"] == found["-ctv"] == "q8_0"


@pytest.mark.parametrize("layers", ["13", "99"])
def test_layers_that_were_named_are_typed_as_named(layers: str) -> None:
    assert line(asked(gpu_layers=layers))["-ngl"] == layers


@pytest.mark.parametrize("layers", ["all", "auto", None])
def test_a_word_for_layers_is_as_many_as_lie_there(layers: str | None) -> None:
    assert line(asked(gpu_layers=layers), LayerSplit(20, 33))["-ngl"] == "20"


def test_a_bf16_file_is_called_so() -> None:
    assert line(asked(), of=subject(form="gguf-bf16"))["-m"] == "llama-3.1-8b-BF16.gguf"


def test_a_draft_model_is_named_and_used() -> None:
    drafted = asked(draft=load("llama-3.2-1b").known(), draft_quant=quant("q8_0"))
    found = line(drafted)
    assert (found["-md"], found["--spec-type"]) == ("llama-3.2-1b-Q8_0.gguf", "draft-simple")


def test_a_vision_tower_is_named() -> None:
    found = line(asked(mmproj="q8_0"), of=subject("gemma-3-4b"))
    assert found["--mmproj"] == "mmproj-gemma-3-4b-Q8_0.gguf"


def test_what_is_no_gguf_file_has_no_line() -> None:
    placed = Placement((Usage(0),), layers=WHOLE)
    assert llama_server(subject(form="awq"), asked(), placed, ModelName("x")) is None
    assert llama_server(subject(), asked(), placed._replace(layers=None), ModelName("x")) is None
