"""``models``, ``devices`` and ``quants``: what the catalogues hold."""

from __future__ import annotations

import re

import pytest

from llmscale.answers import lists
from llmscale.errors import NotFoundError
from tests.helpers import good


def test_lists_are_filtered_by_any_name() -> None:
    everything = lists.list_models()
    assert len(everything.models) >= 110
    found = {line.id for line in lists.list_models("QWEN 2.5").models}
    assert {"qwen2.5-7b", "qwen2.5-72b"} <= found
    assert "qwen2-7b" not in found
    assert len(found) < 40
    assert lists.list_models("nosuchword").models == ()
    assert {line.basis for line in everything.models} == {"exact", "reported", "undisclosed"}
    assert {line.publisher for line in lists.list_models("kimi-k").models} == {"Moonshot AI"}
    assert "llama-2-7b" in {line.id for line in lists.list_models("Llama-2-7b-chat").models}


def test_one_model_is_shown_whole() -> None:
    shown = lists.show_model("LLaMA 2 7B")
    assert (shown.model.id, shown.model.parameters, shown.model.basis) == ("llama-2-7b", 6_738_415_616, "exact")
    assert shown.config is not None
    assert shown.config["hidden_size"] == 4096
    assert "meta-llama/Llama-2-7b-hf" in shown.aliases
    assert lists.show_model("gpt-4").model.parameters is None
    assert lists.show_model("doubao").disclosure
    with pytest.raises(NotFoundError):
        lists.show_model("nosuch")


def test_devices_and_quants() -> None:
    (card,) = lists.show_device("RTX 4090").devices
    assert (card.id, card.memory_basis, card.vendor) == ("rtx4090", "exact", "NVIDIA")
    assert {line.vendor for line in lists.list_devices("amd").devices} == {"AMD"}
    assert {line.kind for line in lists.list_devices("unified").devices} == {"unified"}
    (form,) = lists.show_quant("half").quants
    assert (form.id, form.bits_per_weight, form.rules, form.weights_bytes) == ("fp16", 16, {"*": "fp16"}, None)
    assert {"int8", "int4"} <= {line.id for line in lists.list_quants("int").quants}
    (sized,) = lists.show_quant("int4", "llama-2-7b").quants
    assert (sized.weights_bytes, sized.weights_basis) == (6_738_415_616 // 2, "exact")


def test_the_quants_of_a_model_have_its_exact_sizes() -> None:
    answer = lists.list_quants(model="llama-3.1-8b")
    sizes = {line.id: line.weights_bytes for line in answer.quants}
    assert sizes["q4_k_m"] == 4_912_898_304
    assert answer.model is not None
    assert all(line.loss is None or line.loss.percent > -1 for line in answer.quants)
    own = {line.id: line.loss.own for line in answer.quants if line.loss}
    assert own["q4_k_m"]
    assert not own["iq2_m"]
    assert {line.weights_bytes for line in lists.list_quants().quants} == {None}


def test_a_dozen_quants_are_in_use_and_all_are_there_when_asked_for() -> None:
    found = lists.quants_in_use()
    assert [line.id for line in found.quants] == list(lists.IN_USE)
    assert len(found.quants) == 12
    assert found.model is not None
    assert found.model.id == lists.EXAMPLE
    assert all(line.weights_bytes for line in found.quants)
    everything = lists.list_quants().quants
    assert found.hidden == len(everything) - 12
    assert {line.id for line in found.quants} <= {line.id for line in everything}


def test_what_is_in_use_is_said_first_with_a_size_on_a_model() -> None:
    screen = good("quants", "--width", "80").out
    assert screen.startswith("Formats in use: Llama 3.1 8B takes 4.58 GiB in Q4_K_M, and 14.96 in BF16;")
    assert re.search(r"1\d\d more are not shown \(--all\)", screen)
    assert screen.splitlines()[-1].strip() == "llmscale explain q4_k_m"
    assert re.search(r"q4_k_m +4.861 +17.28 +1.5", good("quants", "-m", "qwen3-30b-a3b").out)
    assert len(good("quants", "--all").out.splitlines()) > 110
    assert "not shown" not in good("quants", "--all").out
    assert len(good("quants", "-o", "json").json()["quants"]) == 12
    assert "hidden" not in good("quants", "-o", "json").json()
    chinese = good("quants", "--lang", "zh").out
    assert chinese.startswith("常用格式:Llama 3.1 8B 用 Q4_K_M 占 4.58 GiB")
    assert "parameters" not in chinese


def test_what_no_format_in_use_is_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "IN_USE", ("mxfp4",))
    screen = good("quants", "-m", "llama-3.1-8b").out
    assert screen.startswith("Llama 3.1 8B cannot be had in any of the formats in use.")
    assert "-: this model cannot be had so." in screen
