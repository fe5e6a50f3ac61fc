"""What lies on each rank of SGLang, by hand: states, images, ranks that stay empty, and requests at once."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.errors import UsageError
from llmscale.formats.catalogue import quant
from llmscale.runtimes.parallel.allocator import allocator_slack
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.rotary import rotary_bytes
from llmscale.runtimes.parallel.shards import shards, weight_bytes
from llmscale.runtimes.sglang.loaded import ROTARY, TABLES, WHOLE, loaded_bytes
from llmscale.runtimes.sglang.pools import Cells, longest, pools, requests, running
from llmscale.runtimes.sglang.startup import SglangSettings, start
from llmscale.runtimes.sglang.static import CONTEXT, NVLINK_GROUP
from llmscale.units import GIB, MIB
from tests.runtimes.sglang.rows import ROWS
from tests.runtimes.sglang.rows import model as spec_of

#: Granite 4.0 H Micro: 36 layers of Mamba-2 with 64 heads of 64 x 128 in FP32, and the last three inputs of a
#: convolution over 64 x 64 + 2 x 128 channels in 16 bits.
GRANITE_STATE = 36 * (64 * 64 * 128 * 4 + 3 * (64 * 64 + 2 * 128) * 2)


def device(model: str, gpu: str, **asked: Any) -> DeviceFit:
    return estimate(model, ["bf16"], runtime="sglang", gpus=[gpu], **asked).estimates[0].devices[0]


def test_each_request_has_five_slots_of_state_and_padding_one() -> None:
    for batch in (1, 2, 7):
        (card,) = device("granite-4.0-h-micro", "rtx4090", batch=batch).per_device
        assert card.parts["state"] == (5 * batch + 1) * GRANITE_STATE
    (card,) = device("llama-3.1-8b", "rtx4090", batch=7).per_device
    assert "state" not in card.parts


def test_what_images_take_is_counted_of_models_that_see() -> None:
    for model, images in (("llama-3.1-8b", 0), ("gemma-3-4b", 100 * MIB)):
        (card,) = device(model, "rtx4090").per_device
        assert card.parts["overhead"] == CONTEXT + images


@pytest.mark.parametrize(
    ("gpu", "ranks", "group"),
    [("rtx4090", 1, 0), ("2x rtx4090", 2, 0), ("3x rtx4090", 1, 0), ("6x rtx4090", 2, 0), ("4x h100", 4, NVLINK_GROUP)],
)
def test_as_many_ranks_as_divide_32_heads_and_the_devices(gpu: str, ranks: int, group: int) -> None:
    told = device("llama-3.1-8b", gpu, context=4096)
    used = [card for card in told.per_device if card.parts]
    assert len(used) == ranks
    assert {card.parts["overhead"] for card in used} == {CONTEXT + group}
    # 32 layers of K and V of 8 heads x 128 x 2 bytes, divided.
    assert {card.parts["kv_cache"] for card in used} == {4096 * 32 * 2 * 8 * 128 * 2 // ranks}
    assert all(card.used_bytes == 0 for card in told.per_device[ranks:])
    assert told.command is not None
    assert ("--tp-size" in told.command) == (ranks > 1)


def test_ranks_that_are_named_are_taken_whatever_is_there() -> None:
    told = device("llama-3.1-8b", "8x rtx4090", options={"tp": 4})
    assert [bool(card.parts) for card in told.per_device] == [True] * 4 + [False] * 4
    # Phi-3 Medium has 40 heads, and K and V of ten.
    with pytest.raises(UsageError, match="10 KV heads can neither be divided over nor repeated on 8 ranks"):
        device("phi-3-medium", "8x h100", options={"tp": 8})
    assert len([card for card in device("phi-3-medium", "8x h100").per_device if card.parts]) == 2


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.get("max_running_requests") and row.get("context_len")],
    ids=lambda row: row["gpu"],
)
def test_requests_that_logs_print(row: dict[str, Any]) -> None:
    """512 contexts of what there is, from 2,048 to 4,096; the release of January 2025 printed one more."""
    assert running(row["kv_tokens"], row["context_len"]) == pytest.approx(row["max_running_requests"], abs=1)


def test_no_more_requests_than_half_the_tokens() -> None:
    assert running(3000, 4096) == 1500
    assert running(4096, 1) == 2048
    assert running(20_000, 1) == 4096


def test_no_pool_without_a_token_and_a_state() -> None:
    """Of 1.9 bytes 0.9 are for states, of which one is padding."""
    one = Cells(token=10, windowed=0, reach=0, state=1000, slots=5)
    assert pools(1_899_999, one).states == 898
    assert pools(1_900_000, one) == (100_000, 0, 899, 1_000_000)
    # The states' share holds the padding and not one state besides.
    assert pools(4222, one) == (0, 0, 0, 0)
    assert pools(4223, one).states == 1
    assert requests(pools(4222, one), one, 1) == 0
    alone = one._replace(token=0)
    assert pools(1_900_000, alone) == (0, 0, 899, 0)
    assert pools(500, alone) == (0, 0, 0, 0)
    assert requests(pools(500, alone), alone, 1) == 0
    assert pools(9, one._replace(state=0)) == (0, 0, 0, 0)
    assert pools(10, one._replace(state=0)) == (1, 0, 0, 10)


def test_the_longest_context_of_which_so_many_run_at_once() -> None:
    """1,000 tokens: four requests of 250, five of 200; of one token a thousand, and no more."""
    cell = Cells(token=10, windowed=0, reach=0, state=0, slots=5)
    found = pools(10_000, cell)
    for batch, limit, context in ((1, 4096, 1000), (4, 4096, 250), (4, 100, 100), (5, 4096, 200), (999, 4096, 1)):
        assert longest(found, cell, batch, limit, 2000) == context
    assert longest(found, cell, 1000, 4096, 2000) == 1
    assert longest(found, cell, 1001, 4096, 2000) == 0
    assert longest(found, cell, 5, 4096, 4) == 0


def test_windows_have_eight_tokens_for_ten_of_the_others() -> None:
    both = Cells(token=100, windowed=50, reach=128, state=0, slots=5)
    found = pools(140_000, both)
    assert found == (1000, 800, 0, 1000 * 100 + 800 * 50)
    # A window holds 128 tokens and the one that is made.
    assert requests(found, both, 129) == 800 / 129
    assert requests(found, both, 1000) == 1
    assert requests(found, both, 100) == 8
    alone = both._replace(token=0)
    assert pools(50_000, alone) == (1000, 1000, 0, 50_000)


def test_a_model_that_does_not_fit_says_how_many_requests_do() -> None:
    told = device("granite-4.0-h-micro", "rtx4090", batch=14)
    assert not told.fits
    assert [limit.code for limit in told.limits] == ["fewer_requests"]
    assert told.max_concurrency == 13
    assert device("granite-4.0-h-micro", "rtx4090", batch=13).fits


def test_latent_attention_keeps_both_halves_of_kv_b_once_more() -> None:
    """DeepSeek V2 Lite: 27 layers x 16 heads x (128 + 128) x 512 in 16 bits, beside the checkpoint's own."""
    spec, sizes = spec_of("deepseek-v2-lite"), planes_of(quant("bf16"))
    held = tuple(shards(spec, WHOLE, Parallel(1)))
    besides = loaded_bytes(spec, sizes, 1) - weight_bytes(held, sizes) - allocator_slack(held, sizes)
    assert besides == 27 * 16 * 256 * 512 * 2 + rotary_bytes(spec, ROTARY, TABLES)
    # No other model has them.
    plain = spec_of("llama-3.1-8b")
    held = tuple(shards(plain, WHOLE, Parallel(1)))
    besides = loaded_bytes(plain, sizes, 1) - weight_bytes(held, sizes) - allocator_slack(held, sizes)
    assert besides == rotary_bytes(plain, ROTARY, TABLES) == 131_072 * 128 * 4


@pytest.mark.parametrize(("name", "images", "cell"), [("llama-3.1-8b", 0, 131_072), ("gemma-3-4b", 100, 139_264)])
def test_the_sum_of_a_start(name: str, images: int, cell: int) -> None:
    """The share of what is free, less what loading takes and images do; 32 layers x 2 x 8 x 128, and 34 x 2 x 4 x 256,
    elements of 16 bits a token."""
    spec, sizes, free = spec_of(name), planes_of(quant("bf16")), 40 * GIB
    settings = SglangSettings(4096, fraction=0.7)
    found = start(spec, sizes, 48 * GIB, 47 * GIB, settings, free)
    assert (found.free, found.fraction, found.slack) == (free, 0.7, free - int(free * 0.7))
    assert found.left == int(free * 0.7) - loaded_bytes(spec, sizes, 1) - images * MIB
    assert found.pools.tokens == found.left // cell
    # Without a measure what is free is the device less what is taken before.
    assert start(spec, sizes, 48 * GIB, 47 * GIB, settings).free == 47 * GIB - CONTEXT
    small = start(spec, sizes, 48 * GIB, 47 * GIB, settings, 8 * GIB)
    assert small.left < 0
    assert (small.pools.tokens, small.concurrency) == (0, 0)


def test_a_share_that_is_named_goes_before_the_default() -> None:
    spec, sizes = spec_of("llama-3.1-8b"), planes_of(quant("bf16"))
    default = start(spec, sizes, 24564 * MIB, 23 * GIB, SglangSettings(4096))
    assert default.fraction == default.default.fraction == round(1 - 7280 / 24564, 3)
    assert start(spec, sizes, 24564 * MIB, 23 * GIB, SglangSettings(4096, fraction=0.5)).fraction == 0.5
