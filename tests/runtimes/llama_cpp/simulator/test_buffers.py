"""The buffers of each device, each by what it promises."""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, LatentAttentionFacts, LayerFacts, MlpFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import Buffers, buffers, compute_bytes, refusal
from tests.runtimes.llama_cpp.simulator.models import LLAMA


def test_a_quantised_cache_on_cuda_is_converted_behind_the_attention() -> None:
    asked = LlamaCppSettings(32768, type_k="q8_0", type_v="q8_0", n_outputs_max=1)
    plain, cuda = (compute_bytes(LLAMA, asked, Offload(1, cuda=cuda))[0] for cuda in (False, True))
    converted = 2 * 2 * 32768 * 8 * 128
    assert plain < cuda <= plain + converted
    assert compute_bytes(LLAMA, LlamaCppSettings(32768, n_outputs_max=1), Offload(1))[0] < cuda


def test_streamed_weights_need_room_on_the_device() -> None:
    asked = LlamaCppSettings(n_outputs_max=1)
    kept = compute_bytes(LLAMA, asked._replace(op_offload=False), Offload(1, gpu_layers=16))[0]
    small, large = (compute_bytes(LLAMA, asked, Offload(1, gpu_layers=16, weights=kind))[0] for kind in ("q4_K", "f16"))
    assert kept < small < large


def test_without_kv_offload_the_cache_is_on_the_host() -> None:
    found = buffers(LLAMA, LlamaCppSettings(kv_offload=False), Offload(1))
    assert found.cache == (0, 4096 * 32 * 2 * 8 * 128 * 2)
    assert found.total == sum(found.cache) + sum(found.compute) + found.output


def test_refusals_are_llama_cpps() -> None:
    assert refusal(LLAMA, LlamaCppSettings(type_v="q8_0", flash_attention=False)) == (
        "quantized V cache requires flash_attn to be enabled"
    )
    latent = LLAMA._replace(layers=(LayerFacts(LatentAttentionFacts(16, 0, 512, 64, 128, 128), MlpFacts(10944)),))
    assert "does not support different K (q8_0) and V (f16)" in (refusal(latent, LlamaCppSettings(type_k="q8_0")) or "")
    odd = LLAMA._replace(layers=(LayerFacts(AttentionFacts(32, 32, 80, 80), MlpFacts(10240)),))
    assert "does not divide n_embd_head_k=80" in (refusal(odd, LlamaCppSettings(type_k="q8_0")) or "")
    assert refusal(LLAMA, LlamaCppSettings(type_k="q8_0", type_v="q4_0")) is None


def test_all_of_them_are_caches_states_compute_buffers_and_the_output() -> None:
    assert Buffers(cache=(1, 2), state=(4, 8), compute=(16, 32), output=64).total == 127
