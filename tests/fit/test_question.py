"""What is asked of every model alike: the context that is meant, the runtime, and options that a runtime has or not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmscale.answers.question import question
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UsageError
from llmscale.fit.about import DEFAULT_CONTEXT, About
from llmscale.fit.choose import lacking, refuse_options
from llmscale.fit.offloading import without_offloading
from llmscale.formats.catalogue import quant
from llmscale.quantity import Basis
from llmscale.units import GIB

CARD = [device_set("24GiB")]


def about(limit: int | None = None, sequence: int | None = None) -> About:
    return About("m", "M", "somewhere", Basis.EXACT, 1, 1, limit, sequence)


def taking(context: int | None) -> Any:
    """A runtime that takes so many tokens by itself, but only on the devices that it is asked about."""

    def own(devices: list[DeviceSet]) -> int | None:
        assert devices == CARD
        return context

    return SimpleNamespace(context=own)


@pytest.mark.parametrize(
    ("asked", "own", "limit", "tokens"),
    [
        (None, None, None, DEFAULT_CONTEXT),
        (None, None, 2048, 2048),
        (None, None, 8192, DEFAULT_CONTEXT),
        (None, 32768, None, 32768),
        (None, 32768, 131072, 32768),
        (None, 32768, 8192, 8192),
        (100, 32768, 8192, 100),
        (50_000, 32768, 8192, 50_000),
    ],
)
def test_the_context_is_as_asked_the_runtimes_the_models_or_the_usual(
    asked: int | None, own: int | None, limit: int | None, tokens: int
) -> None:
    assert question(asked).tokens(about(limit), taking(own), CARD) == tokens
    assert question(asked).tokens(about(limit, sequence=197), taking(own), CARD) == 197


def test_the_runtime_is_the_one_asked_for_or_the_quants_own() -> None:
    assert question().runs(quant("q4_k_m")).info.name == "llama.cpp"
    assert question().runs(quant("awq")).info.name == "vllm"
    assert question(runtime="sglang").runs(quant("awq")).info.name == "sglang"


def test_an_option_that_a_runtime_lacks_is_told_with_those_that_have_it() -> None:
    layers = question(options={"ubatch": 512, "gpu_layers": "20"})
    assert lacking(layers, "llama.cpp") == ""
    assert lacking(layers, "vllm") == "ubatch"
    assert lacking(question(options={"gpu_layers": "20"}), "vllm") == "gpu_layers"
    assert lacking(question(), "vllm") == ""
    refuse_options(layers, "llama.cpp")
    with pytest.raises(UsageError, match=r"--gpu-layers is an option of llama.cpp.*, and this is for vllm") as refused:
        refuse_options(question(options={"gpu_layers": "20"}), "vllm")
    assert refused.value.hint == "Add --runtime llama.cpp, or leave it away."


def test_what_may_leave_weights_in_ram_is_taken_away_and_nothing_else() -> None:
    asked = question(options={"gpu_layers": "20", "ubatch": 256, "ram": 64 * GIB, "n_cpu_moe": 3})
    assert dict(asked.options).keys() == {"gpu_layers", "ubatch", "ram", "n_cpu_moe"}
    assert without_offloading(asked).options == (("ubatch", 256),)
    assert without_offloading(asked)._replace(options=()) == asked._replace(options=())


def test_the_workload_has_the_formats_and_the_words_of_the_runtime() -> None:
    asked = question(1000, 3, "k=q8_0,v=q4_0")
    work = asked.work(about(), quant("q4_k_m"), CARD)
    assert (work.context, work.batch, work.kv.id) == (1000, 3, "q8_0")
    assert work.kv_v is not None
    assert (work.kv_v.id, work.activation_bytes) == ("q4_0", quant("q4_k_m").activation_bytes)
