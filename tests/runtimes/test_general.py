"""The general rule: KV cache exact in elements, windows capped, compute and overhead as documented."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.devices.sets import device_set
from llmscale.errors import NotFoundError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.model.families import from_config
from llmscale.model.shape import LayerCache, Shape, shape_of
from llmscale.runtimes.general import GeneralRuntime, cache_bytes, compute_bytes, state_bytes
from llmscale.runtimes.interface import RuntimeInfo, Workload
from llmscale.runtimes.registry import NAMES, runtime
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import TRUTH

FP16 = number_format("fp16")


def shape(*caches: LayerCache, sequence: int | None = None) -> Shape:
    return Shape(4, 64, 128, 1000, None, sequence, caches)


def work(context: int = 4096, batch: int = 1, kv: str = "fp16", activation_bytes: int = 2) -> Workload:
    return Workload(context, batch, number_format(kv), activation_bytes)


def cache_of(model: str, context: int, batch: int = 1, kv: str = "fp16") -> int:
    return cache_bytes(shape_of(load(model).known()), work(context, batch, kv))


@pytest.mark.parametrize(
    ("model", "context", "bytes_"),
    [
        ("llama-2-7b", 4096, 2_147_483_648),  # 2 x 32 layers x 4,096 tokens x 32 heads x 128 x 2 bytes
        ("llama-2-70b", 4096, 2 * 80 * 4096 * 8 * 128 * 2),
        ("deepseek-v3", 4096, 61 * 4096 * (512 + 64) * 2),
        ("mistral-7b-v0.1", 8192, 2 * 32 * 4096 * 8 * 128 * 2),
        ("gemma-2-9b", 8192, 2 * 21 * (4096 + 8192) * 8 * 256 * 2),
        ("bert-base", 512, 0),
        ("t5-small", 512, 2 * 2 * 6 * 512 * 512 * 2),
    ],
)
def test_the_cache_of_real_models(model: str, context: int, bytes_: int) -> None:
    assert cache_of(model, context) == bytes_


def test_the_cache_grows_with_the_batch_and_shrinks_with_its_format() -> None:
    base = cache_of("llama-2-7b", 4096)
    assert cache_of("llama-2-7b", 4096, batch=3) == 3 * base
    assert cache_of("llama-2-7b", 4096, kv="fp32") == 2 * base
    assert cache_of("llama-2-7b", 4096, kv="int8") == base // 2
    assert cache_of("llama-2-7b", 4096, kv="int4") == base // 4


def test_compute_is_one_step_over_the_prompt_and_one_row_of_logits() -> None:
    plain = shape(LayerCache(4, 64, 64))
    assert compute_bytes(plain, work(10, 3)) == 3 * 10 * (2 * 64 + 3 * 128) * 2 + 3 * 1000 * 4
    assert compute_bytes(plain, work(10, 3, activation_bytes=4)) == 3 * 10 * (2 * 64 + 3 * 128) * 4 + 3 * 1000 * 4


def test_an_encoder_has_no_logits_and_a_vision_model_its_own_length() -> None:
    assert compute_bytes(shape(), work(10)) == 10 * (2 * 64 + 3 * 128) * 2
    assert compute_bytes(shape(sequence=197), work(10)) == 197 * (2 * 64 + 3 * 128) * 2


def test_runtimes_by_name() -> None:
    assert runtime(" Transformers ").info.name == "transformers"
    with pytest.raises(NotFoundError, match="no runtime called 'tabby'") as caught:
        runtime("tabby")
    assert all(name in caught.value.hint for name in NAMES)
    assert [runtime(name).info.name for name in NAMES] == list(NAMES)


LAYER = st.builds(
    LayerCache,
    st.integers(1, 100),
    st.integers(1, 8192),
    st.integers(1, 8192),
    st.none() | st.integers(1, 10_000),
    every=st.just(1),
    tokens=st.none(),
)
TOKENS = st.integers(1, 200_000)
KV = st.sampled_from(["fp32", "fp16", "int8", "int4"])


@given(LAYER, TOKENS, st.integers(1, 64), KV)
def test_a_sliding_window_never_takes_more_than_full_attention(layer: LayerCache, n: int, batch: int, kv: str) -> None:
    full, asked = layer._replace(window=None), work(n, batch, kv)
    slid, whole = cache_bytes(shape(layer), asked), cache_bytes(shape(full), asked)
    assert slid <= whole
    if layer.window is None or n <= layer.window:
        assert slid == whole
    elif kv != "int4":
        assert slid * n == whole * layer.window


@given(st.lists(LAYER, max_size=4), TOKENS, TOKENS, st.integers(1, 64), KV)
def test_a_longer_context_or_larger_batch_never_takes_less(
    layers: list[LayerCache], one: int, other: int, batch: int, kv: str
) -> None:
    short, long = sorted((one, other))
    for rule in (cache_bytes, compute_bytes):
        of = shape(*layers)
        assert rule(of, work(short, batch, kv)) <= rule(of, work(long, batch, kv))
        assert rule(of, work(one, batch, kv)) <= rule(of, work(one, batch + 1, kv))


@given(st.lists(LAYER, max_size=4), st.data())
def test_memory_is_linear_between_the_windows(layers: list[LayerCache], data: st.DataObject) -> None:
    of = shape(*layers)
    ends = [1, *sorted({layer.window for layer in layers if layer.window}), 200_000]
    at = data.draw(st.integers(0, len(ends) - 2))
    left, right = sorted((ends[at], ends[at + 1]))
    if right - left < 2:
        return

    def size(n: int) -> int:
        return cache_bytes(of, work(n)) + compute_bytes(of, work(n))

    middle = data.draw(st.integers(left, right))
    assert (size(middle) - size(left)) * (right - left) == (size(right) - size(left)) * (middle - left)


def test_recurrent_state_is_the_same_at_any_context_and_grows_with_the_batch() -> None:
    data = json.loads((TRUTH / "configs" / "qwen3-next-80b-a3b.json").read_text(encoding="utf-8"))
    hybrid = shape_of(from_config(data, "qwen3-next"))
    # tests/truth/params.json: 36 layers of conv (8192, 4) and recurrent (32, 128, 128) states, in FP32.
    one = 36 * (8192 * 4 + 32 * 128 * 128) * 4
    assert state_bytes(hybrid, work(context=1)) == state_bytes(hybrid, work(context=100_000)) == one
    assert state_bytes(hybrid, work(batch=7)) == 7 * one
    assert state_bytes(shape_of(load("llama-2-7b").known()), work()) == 0


def test_what_the_general_rule_says_is_what_it_takes() -> None:
    """A step over three prompts of 1,000 tokens, a row of logits of each; half a GiB of the process."""
    it = GeneralRuntime(RuntimeInfo("rule", "The rule", "nowhere"), "1")
    subject = model_of(load("llama-3.1-8b").known()).subject(quant("fp16"), "")
    assert isinstance(subject, Exact)
    asked, devices = work(1000, 3), device_set("rtx4090")
    placed = it.place(subject, asked, devices)
    told = "\n".join(it.explain(subject, asked, placed, devices))
    compute = 3000 * (2 * 4096 + 3 * 14_336) * 2 + 3 * 128_256 * 4
    assert "compute = 3,000 tokens x" in told
    assert f"= {compute:,} bytes" in told
    sizes = {part.kind: part.size.value for part in placed.devices[0].parts}
    assert sizes == {
        "weights": subject.weights.value,
        "kv_cache": 3 * 1000 * 32 * 2 * 8 * 128 * 2,
        "compute": compute,
        "overhead": GIB // 2,
    }
