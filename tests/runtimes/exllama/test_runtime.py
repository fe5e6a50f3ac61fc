"""ExLlama: memory in use against what people read off their cards, its caches, and what stays in RAM."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.results.estimate import Estimate
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import number_format, quant
from llmscale.model.shape import shape_of
from llmscale.quantity import Quantity
from llmscale.runtimes.exllama.memory import memory, rows
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.releases import newest
from llmscale.runtimes.subject import SizedWeights, Summary
from llmscale.sources.registry import load
from llmscale.units import GIB, MIB
from tests.helpers import good
from tests.runtimes.exllama.rows import ROWS, used


def answer(model: str, quant: str = "exl3-4bpw", **given: Any) -> Estimate:
    return estimate(model, (quant,), gpus=("rtx4090",), runtime="exllama", **given).estimates[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['catalogue']}-{row['context']}-{row['kv_dtype']}")
def test_what_cards_show_in_use(row: dict[str, Any]) -> None:
    assert used(row) / MIB == pytest.approx(row["used_mib"], rel=0.02)


def test_the_embedding_stays_in_ram() -> None:
    """152,064 rows of 5,120 elements in 16 bits."""
    line = answer("qwen2.5-32b")
    (device,) = line.devices
    assert device.usable_bytes - device.headroom_bytes == line.total_bytes - 152_064 * 5120 * 2
    result = fits("rtx4090", ["qwen2.5-32b"], quants=["exl3-4bpw"], runtime="exllama")
    assert isinstance(result, FitsResult)
    (shown,) = result.models
    assert shown.max_context == device.max_context


class TestCaches:
    def test_pages_of_all_sequences_together(self) -> None:
        each = 36 * 2 * 1024 * 2
        assert answer("qwen3-8b", context=1000).kv_cache_bytes == 1024 * each
        assert answer("qwen3-8b", context=1000, batch=4).kv_cache_bytes == 4096 * each

    @pytest.mark.parametrize("bits", range(2, 9))
    def test_an_fp16_scale_for_32_elements(self, bits: int) -> None:
        size = answer("qwen3-8b", context=4096, kv_dtype=f"exl3_kv{bits}").kv_cache_bytes
        assert size == 36 * 4096 * 2 * 1024 // 32 * (4 * bits + 2)

    def test_k_and_v_in_bits_of_their_own(self) -> None:
        size = answer("qwen3-8b", context=4096, kv_dtype="k=exl3_kv8,v=exl3_kv4").kv_cache_bytes
        assert size == 36 * 4096 * 1024 // 32 * (34 + 18)

    def test_the_rotary_key_of_a_latent_stays_in_16_bits(self) -> None:
        """61 layers of 512 and 64 elements."""
        size = answer("deepseek-v3", context=4096, kv_dtype="exl3_kv6").kv_cache_bytes
        assert size == 61 * 4096 * (512 // 32 * 26 + 64 * 2)

    def test_windows_apart_in_some_families(self) -> None:
        """gpt-oss: half of 24 layers keep 128 tokens and two pages for each sequence, always in FP16."""
        size = answer("gpt-oss-20b", context=8192, batch=2, kv_dtype="exl3_kv8").kv_cache_bytes
        assert size == 12 * 2 * 768 * 1024 * 2 + 12 * 2 * 8192 * 1024 // 32 * 34

    def test_windows_like_any_other_layer_elsewhere(self) -> None:
        """Gemma 3 27B: 62 layers of 16 heads of 128."""
        assert answer("gemma-3-27b", context=8192).kv_cache_bytes == 62 * 8192 * 2 * 2048 * 2

    @pytest.mark.parametrize(
        ("kv", "said"),
        [("q8_0", "no cache in Q8_0"), ("bf16", "no cache in BF16"), ("k=fp16,v=exl3_kv4", "or neither")],
    )
    def test_caches_that_it_does_not_have(self, kv: str, said: str) -> None:
        with pytest.raises(UsageError, match=said):
            answer("qwen3-8b", kv_dtype=kv)


def test_of_a_shape_alone_a_wide_k_beside_a_narrow_v_is_a_latent() -> None:
    """What a model that was compiled answers: 61 layers of 512 and 64 elements, the latter in 16 bits; else both."""
    work = Workload(4096, 1, number_format("exl3_kv6"), 2)
    for model, size in (
        ("deepseek-v3", 61 * 4096 * (512 // 32 * 26 + 64 * 2)),
        ("qwen3-8b", 36 * 4096 * 2 * 1024 // 32 * 26),
    ):
        widths = shape_of(load(model).known())
        sized = SizedWeights(Quantity.exactly(0))
        assert memory(Summary(model, widths, sized, quant("exl3-4bpw")), work).cache.value == size


def test_tokens_of_a_step() -> None:
    """A chunk of one sequence; where a context is shorter all of it, and no less than a token of each sequence."""
    work = Workload(4096, 1, number_format("fp16"), 2)
    subject = Summary("x", shape_of(load("qwen3-8b").known()), SizedWeights(Quantity.exactly(0)), quant("exl3-4bpw"))
    asked = ((4096, 1, 2048), (2048, 1, 2048), (100, 1, 100), (1, 64, 64), (4096, 64, 2048))
    for context, batch, tokens in asked:
        assert rows(subject, work._replace(context=context, batch=batch)) == tokens
    encoder = subject._replace(widths=shape_of(load("bert-base").known()))
    assert rows(encoder, work._replace(context=512, batch=3)) == 3 * 512


def test_a_chunk_is_read_at_a_time() -> None:
    """2,048 tokens x (6 x 4,096 + 4 x 12,288) bytes, a matrix of 4,096 x 12,288 in FP16, 32 rows of logits."""
    wanted = 2048 * (6 * 4096 + 4 * 12_288) + 2 * 4096 * 12_288 + 32 * 151_936 * 2
    assert {answer("qwen3-8b", context=n).compute_bytes for n in (2048, 8192, 32_768)} == {wanted}
    assert answer("qwen3-8b", context=100).compute_bytes < wanted


def test_of_a_wide_matrix_a_slice_is_unpacked_at_a_time() -> None:
    """Of the 53,248 of Llama 3.1 405B 32,768 (``MAX_RECONSTRUCT_SLICE_N``), of 16,384 rows in FP16."""
    wanted = 2048 * (6 * 16_384 + 4 * 53_248) + 2 * 16_384 * 32_768 + 32 * 128_256 * 2
    assert answer("llama-3.1-405b", context=8192).compute_bytes == wanted


def test_it_runs_no_gguf() -> None:
    with pytest.raises(UnsupportedModelError, match="ExLlama does not run Q4_K_M"):
        answer("qwen3-8b", "q4_k_m")


def test_a_bare_size_is_held_against_its_peers() -> None:
    line = answer("8B")
    assert 4 * GIB < line.total_bytes < 8 * GIB


def test_the_release_is_named() -> None:
    shown = good("estimate", "qwen3-8b", "--runtime", "exllama").out
    assert f"exllama {newest('exllama')}" in shown
    assert "exllama: the token embedding, which is among the weights, stays in RAM." in " ".join(shown.split())
