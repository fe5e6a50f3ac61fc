"""What is compiled of a model has the activations of vLLM's own placement; tests/fit/test_screens.py has the rest."""

from __future__ import annotations

from llmscale.answers.catalogued import all_models
from llmscale.answers.question import question
from llmscale.devices.sets import device_set
from llmscale.errors import LlmscaleError
from llmscale.fit.choose import best
from llmscale.fit.place import place
from llmscale.fit.subject import Listed
from llmscale.formats.catalogue import quant
from llmscale.runtimes.placed import COMPUTE, OVERHEAD, UNKNOWN, Off
from llmscale.runtimes.registry import runtime
from llmscale.runtimes.subject import Summary
from llmscale.runtimes.vllm.summary import DRAWN, RULED

IT = runtime("vllm")


def listed(name: str) -> Listed:
    (found,) = (entry.model for entry in all_models(None) if entry.reference == name)
    assert isinstance(found, Listed)
    return found


def test_activations_and_graphs_are_those_of_the_start_to_the_byte() -> None:
    """Also of towers, mixtures and latent attention, on one device of either size of step."""
    for name in ("llama-3.1-8b", "gemma-3-27b", "qwen3-vl-8b", "qwen3-30b-a3b", "deepseek-v2-lite", "gpt-oss-20b"):
        for card in ("rtx4090", "h100", "24GiB"):
            one, devices = listed(name), device_set(card)
            for quant_name in ("bf16", "mxfp4_moe" if name.startswith("gpt") else "fp8"):
                try:
                    summary = one.subject(quant(quant_name), "vllm")
                except LlmscaleError:
                    continue
                work = question(4096, 1).work(one.about, quant(quant_name), [devices])
                (entry,) = (found for found in all_models(None) if found.reference == name)
                drawn = place(IT, summary, work, devices).placed
                placed = place(IT, entry.counted().subject(quant(quant_name), "vllm"), work, devices).placed
                for kind in (COMPUTE, OVERHEAD):
                    assert drawn.of(kind).value == placed.of(kind).value, (name, card, quant_name, kind)


def test_how_far_off_it_says_to_be() -> None:
    work, card = question(4096, 1), device_set("rtx4090")

    def said(name: str, devices: str = "rtx4090", **options: object) -> Off:
        one = listed(name)
        asked = work.work(one.about, quant("bf16"), [card]).with_options(**options)
        found = one.subject(quant("bf16"), "vllm")
        assert isinstance(found, Summary)
        return IT.screen_error(found, asked, device_set(devices))

    assert said("llama-3.1-8b") == said("llama-3.1-8b", max_num_seqs=8) == DRAWN
    assert said("llama-3.1-8b", "2x rtx4090") == said("llama-3.1-8b", cpu_offload_gb=4) == RULED
    # More than memory decides, or what is cached is not the context's.
    assert said("falcon-h1-7b") == said("whisper-large-v3") == UNKNOWN


def test_a_step_of_more_sequences_than_states_is_no_fit_in_a_list_either() -> None:
    """1,024 sequences on an H100 need as many blocks of state, and Qwen3.8 27B in FP8 leaves fewer."""

    def fit(name: str) -> bool:
        (entry,) = (found for found in all_models(None) if found.reference == name)
        asked = question(4096, 1, runtime="vllm")
        return best(entry.model, [quant("fp8")], device_set("h100"), asked, entry.counted).fits

    assert not fit("qwen3.8-27b")
    assert fit("qwen3-32b")
