"""Values that Python, a page and the command line hand over: read alike, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate, fits, load, needs
from llmscale.answers.given import read_options, whole_number
from llmscale.errors import LlmscaleError, UsageError
from llmscale.fit.subject import Counted, model_of
from llmscale.formats.catalogue import quant as find_quant
from llmscale.questions.endpoints import answer
from llmscale.runtimes.llama_cpp.memory import layer_weights

MODEL = "llama-3.1-8b"


@pytest.mark.parametrize(
    ("said", "meant"), [(True, True), (False, False), ("no", False), ("False", False), ("0", False), (" On ", True)]
)
def test_a_flag_is_what_its_word_says(said: Any, meant: bool) -> None:
    assert read_options({"flash_attn": said}) == (("flash_attn", meant),)


def test_a_flag_that_is_not_filled_in_says_nothing_and_another_word_is_refused() -> None:
    assert read_options({"flash_attn": ""}) == ()
    with pytest.raises(UsageError, match="--flash-attn is true or false, not 'nein'"):
        read_options({"flash_attn": "nein"})


def test_a_page_that_says_no_means_no() -> None:
    asked = {"model": [MODEL], "quant": ["q4_k_m"], "gpu": ["rtx4090"], "context": ["32k"]}
    without = answer("estimate", asked | {"flash_attn": ["no"]}).estimates[0].compute_bytes
    assert without == answer("estimate", asked | {"flash_attn": ["false"]}).estimates[0].compute_bytes
    assert without != answer("estimate", asked | {"flash_attn": ["yes"]}).estimates[0].compute_bytes


@pytest.mark.parametrize("said", [-1, 0, True, "-5GB", 10**30, 1.5])
@pytest.mark.parametrize("name", ["ram", "ram_bandwidth", "kv_cache_memory_bytes"])
def test_bytes_that_cannot_be_are_refused(name: str, said: Any) -> None:
    with pytest.raises(UsageError):
        read_options({name: said})


def test_bytes_are_taken_as_they_are() -> None:
    given = {"ram": 10**10, "ram_bandwidth": 80 * 10**9, "kv_cache_memory_bytes": 1}
    assert dict(read_options(given)) == given


@pytest.mark.parametrize("said", [4096.5, 4096.0, True, b"8k", [4096]])
def test_a_context_that_is_no_whole_number_is_refused(said: Any) -> None:
    for ask in (
        lambda: estimate(MODEL, "q4_k_m", gpu="rtx4090", context=said),
        lambda: fits("rtx4090", MODEL, context=said),
        lambda: needs(MODEL, context=said),
        lambda: read_options({"ctx_size": said}),
    ):
        with pytest.raises(LlmscaleError):
            ask()


@pytest.mark.parametrize("said", [0, 1.5, 2.0, True, "4", ""])
def test_sequences_that_are_no_whole_number_are_refused(said: Any) -> None:
    for ask in (lambda: estimate(MODEL, "q4_k_m", sequences=said), lambda: fits("rtx4090", MODEL, sequences=said)):
        with pytest.raises(UsageError, match="--batch"):
            ask()


def test_rows_that_are_no_whole_number_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--limit '1\.5' is not a whole number"):
        fits("rtx4090", limit=1.5)


def test_what_counts_like_a_whole_number_is_one() -> None:
    class Counts:
        def __index__(self) -> int:
            return 4

    assert (whole_number("--batch", Counts()), whole_number("--batch", None)) == (4, None)


@pytest.mark.parametrize(("said", "quant"), [("fp16", "f16"), ("BFloat16", "gguf-bf16"), ("32-bit", "f32")])
def test_a_plain_width_is_what_the_files_of_llama_cpp_call_so(said: str, quant: str) -> None:
    for runtime in ("llama.cpp", "ollama"):
        (line,) = estimate("qwen2.5-vl-7b", said, gpu="h100", runtime=runtime).estimates
        assert line == estimate("qwen2.5-vl-7b", quant, gpu="h100", runtime=runtime).estimates[0]
    (kept,) = estimate("qwen2.5-vl-7b", said, gpu="h100", runtime="transformers").estimates
    assert kept.quant != quant


def test_towers_of_a_checkpoint_are_no_layers_of_its_text() -> None:
    counted = model_of(load("qwen2.5-vl-7b").known())
    assert isinstance(counted, Counted)
    stored = counted.subject(find_quant("bf16"), "").stored
    found = layer_weights(stored, 28)  # its vision tower has 32
    assert sum(found.layers) + found.output == sum(tensor.bytes for tensor in stored)
    assert len(set(found.layers)) == 1


@pytest.mark.parametrize("said", [0, -1, float("nan"), float("inf"), True, "fast"])
def test_a_bound_that_is_no_number_above_zero_is_refused(said: Any) -> None:
    for name in ("min_context", "min_speed"):
        with pytest.raises(LlmscaleError):
            fits("rtx4090", **{name: said})
    with pytest.raises(UsageError, match="--max-price"):
        needs(MODEL, max_price=said)


@pytest.mark.parametrize("name", ["reserve", "runtime", "kv_dtype", "quant_map", "sparsity"])
def test_what_is_no_text_where_one_is_expected_is_refused(name: str) -> None:
    for ask in (lambda: estimate(MODEL, "q4_k_m", **{name: 5}), lambda: needs(MODEL, **{name: 5})):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=f"{name} is text, not a int"):
            ask()
    with pytest.raises(UsageError, match="kv_dtype is text, not a NoneType"):
        fits("rtx4090", kv_dtype=None)


@pytest.mark.parametrize("said", [5, b"q4_k_m", ["q4_k_m", None]])
def test_names_are_text(said: Any) -> None:
    for ask in (lambda: estimate(MODEL, said), lambda: estimate(MODEL, gpu=said), lambda: needs(MODEL, kinds=said)):
        with pytest.raises(UsageError, match="A name is text, not a"):
            ask()


@pytest.mark.parametrize("said", [1.5, True, "2"])
def test_a_count_that_is_no_whole_number_is_refused(said: Any) -> None:
    with pytest.raises(UsageError, match="--max-count"):
        needs(MODEL, max_count=said)
