"""LMDeploy: blocks, weights and refusals, against published start-ups and sums worked out by hand."""

from __future__ import annotations

import json
from math import ceil
from typing import Any

import pytest

from llmscale import estimate, fits, needs
from llmscale.devices.sets import device_set
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import quant
from llmscale.model.inventory import inventory
from llmscale.runtimes.lmdeploy.blocks import BLOCK, block_bytes, blocks_in, slab_bytes
from llmscale.runtimes.lmdeploy.startup import BESIDES, LEAST, MOST, PREFILL, step_bytes
from llmscale.runtimes.lmdeploy.weights import loaded_bytes
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load
from llmscale.units import MIB
from tests.helpers import TRUTH, good, run

TOLD: dict[str, Any] = json.loads((TRUTH / "lmdeploy.json").read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = TOLD["rows"]
BITS = {0: 16, 8: 8, 4: 4}


def subject(name: str, form: str = "bf16") -> Exact:
    found = model_of(load(name).known()).subject(quant(form), "lmdeploy")
    assert isinstance(found, Exact)
    return found


def block(row: dict[str, Any]) -> int:
    return block_bytes(subject(row["catalogue"]).spec, row["tp"], BITS[row["policy"]])


def line(*arguments: str, runtime: str = "lmdeploy") -> dict[str, Any]:
    told = json.loads(good("estimate", *arguments, "--runtime", runtime, "-o", "json").out)
    (found,) = told["estimates"]
    return {**found, **(found["devices"][0] if found["devices"] else {}), "kv_dtype": told["kv_dtype"]}


# -- against logs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in ROWS if "block_mib" in row], ids=lambda row: row["model"])
def test_the_bytes_of_a_block_are_those_that_logs_print(row: dict[str, Any]) -> None:
    """Printed with three decimals of a MiB."""
    assert round(block(row) / MIB, 3) == row["block_mib"]


@pytest.mark.parametrize("row", [row for row in ROWS if "session" in row], ids=lambda row: row["model"])
def test_a_session_is_cut_down_to_the_blocks_that_there_are(row: dict[str, Any]) -> None:
    assert row["blocks"] * BLOCK == row["session"]


def test_slabs_leave_what_the_start_without_a_block_manager_leaves() -> None:
    """Seven blocks of 9 MiB in a slab of 64: 1.6 % less than the cache, and a page at its beginning."""
    (row,) = [row for row in ROWS if "cache_mib" in row]
    assert int(row["free_mib"] * row["share"]) == pytest.approx(row["cache_mib"], rel=1e-4)
    size = int(row["cache_mib"] * MIB)
    held = blocks_in(size, block(row), slabs=True) * block(row)
    assert 1 - held / size == pytest.approx(0.016, abs=0.0016)


def test_what_is_taken_besides_weights_is_what_two_starts_left() -> None:
    """The one that is counted to the MiB, and the most; each by the memory that the catalogue gives its card."""
    (newer,) = [row for row in ROWS if "free_mib" in row]
    weights = loaded_bytes(subject(newer["catalogue"]).spec, quant("bf16"), 1, 9.0)
    left = device_set(newer["device"]).visible - weights - newer["free_mib"] * MIB
    assert left / MIB == pytest.approx(BESIDES / MIB, abs=1)
    (older,) = [row for row in ROWS if "tower" in row]
    weights = loaded_bytes(subject(older["catalogue"]).spec, quant("bf16"), 1, 8.0)
    seeing = inventory(subject(older["tower"]).spec)
    tower = sum(2 * group.parameters for group in seeing.groups if group.component in ("vision", "projector"))
    left = device_set(older["device"]).visible - weights - tower - older["blocks"] * block(older) / older["share"]
    assert left / MIB == pytest.approx(MOST / MIB, rel=0.005)
    assert LEAST < BESIDES < MOST


@pytest.mark.parametrize("row", TOLD["failed"], ids=lambda row: row["model"])
def test_a_start_that_failed_is_no_plain_yes(row: dict[str, Any]) -> None:
    found = line(row["catalogue"], "-q", row["quant"], "--gpu", row["device"])
    assert found["fits"] is not True
    shorter = line(
        *(row["catalogue"], "-q", row["quant"], "--gpu", row["device"], "-c", "1024"),
        *("--max-prefill-token-num", "1024", "--cache-max-entry-count", "0.3"),
    )
    assert shorter["fits"] is True


# -- worked out by hand ------------------------------------------------------------------------------------------------


def test_a_quantised_block_has_a_scale_and_a_zero_point_of_each_head_of_a_token() -> None:
    """Llama 3.1 8B: 32 layers, K and V, 8 heads of 128, 64 tokens."""
    spec = subject("llama-3.1-8b").spec
    assert block_bytes(spec, 1, 16) == 32 * 2 * 8 * 64 * 256
    assert block_bytes(spec, 1, 8) == 32 * 2 * 8 * 64 * (128 + 4)
    assert block_bytes(spec, 1, 4) == 32 * 2 * 8 * 64 * (64 + 4)
    assert block_bytes(spec, 4, 16) == 32 * 2 * 2 * 64 * 256
    assert block_bytes(spec, 16, 16) == 32 * 2 * 64 * 256


def test_slabs_grow_until_blocks_fill_them() -> None:
    assert slab_bytes(8 * MIB) == 32 * MIB
    assert slab_bytes(9 * MIB) == 64 * MIB
    assert slab_bytes(33 * MIB) == 512 * MIB  # 15 of them, 96.7 %
    assert slab_bytes(600 * MIB) == 1024 * MIB
    assert blocks_in(100 * MIB, 8 * MIB, slabs=False) == 12
    assert blocks_in(100 * MIB, 8 * MIB, slabs=True) == 8
    assert blocks_in(-5, 8 * MIB, slabs=False) == blocks_in(-5, 8 * MIB, slabs=True) == 0


def test_weights_of_four_bits_have_two_numbers_of_16_bits_for_a_group() -> None:
    """Llama 3.1 8B's matrices hold 6,979,321,856 values; embedding, head and norms stay in 16 bits."""
    matrices, rest = 6_979_321_856, 2 * (8_030_261_248 - 6_979_321_856)
    for form in ("awq", "gptq-int4-g128", "w4a16"):
        found = loaded_bytes(subject("llama-3.1-8b").spec, quant(form), 1, 8.9)
        assert found == matrices // 2 + matrices // 128 * 4 + rest, form


def test_scales_of_fp8_stay_blocks_on_hopper_alone() -> None:
    matrices, rest = 6_979_321_856, 2 * (8_030_261_248 - 6_979_321_856)
    spec = subject("llama-3.1-8b").spec
    assert loaded_bytes(spec, quant("fp8-block"), 1, 9.0) == matrices + matrices // 128**2 * 4 + rest
    for capability in (8.9, 12.0, None):
        assert loaded_bytes(spec, quant("fp8-block"), 1, capability) == matrices + matrices // 128 * 2 + rest


def test_a_tied_head_is_a_copy() -> None:
    spec = subject("llama-3.2-3b").spec
    assert loaded_bytes(spec, quant("bf16"), 1, 8.9) == 2 * (3_212_749_824 + 128_256 * 3072)


def test_ranks_hold_whole_groups_of_an_mlp() -> None:
    """Qwen2.5-72B: 29,568 = 231 x 128 columns on four ranks are 58 groups each, where vLLM refuses."""
    spec = subject("qwen2.5-72b").spec
    (down,) = [group for group in inventory(spec).groups if group.role == "mlp.down"]
    assert down.shape == (8192, 29_568)
    four, whole = (loaded_bytes(spec, quant("awq"), ranks, 8.6) for ranks in (4, 1))
    padding = 80 * 3 * 8192 * (4 * 58 * 128 - 29_568)
    repeated = 80 * 2 * 8192 * 2 * 3 + 8192 * 2 * 3  # norms
    assert 4 * four - whole == pytest.approx(padding * 4.25 / 8 + repeated, rel=0.01)


def test_a_step_by_the_formula_of_its_author() -> None:
    shape = subject("llama-3.1-8b").widths
    assert step_bytes(shape, 100, 1) == 100 * 2 * (9 * 4096 + 2 * 14_336)
    assert step_bytes(shape, 100, 2) == 100 * 2 * (9 * 4096 + 14_336)


# -- on the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gpu", ["rtx4090", "h100", "2x rtx3090", "3x rtx3090", "a100-80gb", "24GiB"])
@pytest.mark.parametrize(("form", "given"), [("bf16", ()), ("awq", ("--quant-policy", "4")), ("fp8-block", ())])
def test_what_may_be_used_is_what_is_used_and_what_is_free(gpu: str, form: str, given: tuple[str, ...]) -> None:
    found = line("llama-3.1-8b", "-q", form, "--gpu", gpu, *given)
    assert found["usable_bytes"] == found["used_bytes"] + found["free_bytes"]
    for each in found["per_device"]:
        assert each["usable_bytes"] == each["used_bytes"] + each["free_bytes"]
        assert each["used_bytes"] == sum(each["parts"].values())


def test_the_cache_is_its_share_of_what_the_weights_leave() -> None:
    found = line("llama-3.1-8b", "-q", "bf16", "--gpu", "rtx4090")
    free = device_set("rtx4090").visible - 2 * 8_030_261_248 - BESIDES
    pages = int(free * 0.8) // (32 * MIB) - 1
    assert found["kv_cache_tokens"] == pages * 4 * BLOCK
    assert found["max_concurrency"] == pytest.approx(pages * 4 / (4096 // BLOCK))
    assert found["usable_bytes"] == device_set("rtx4090").visible - (free - int(free * 0.8))
    assert found["fits"] is True
    assert BLOCK * ceil(4096 / BLOCK) <= found["max_context"] < found["kv_cache_tokens"]
    older = line("llama-3.1-8b", "-q", "bf16", "--gpu", "rtx4090", runtime="lmdeploy@0.14")
    assert older["kv_cache_tokens"] == int(free * 0.8) // (8 * MIB) * BLOCK


def test_what_is_asked_of_the_cache_is_in_blocks() -> None:
    found = line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "-c", "100", "-b", "3")
    assert found["devices"][0]["per_device"][0]["parts"]["kv_cache"] == 3 * 2 * 8 * MIB


def test_quant_policy_is_the_format_of_the_cache() -> None:
    eight = line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--quant-policy", "8")
    assert eight["kv_dtype"] == "int8"
    same = line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--kv-dtype", "int8")
    assert eight["kv_cache_tokens"] == same["kv_cache_tokens"]
    plain = line("llama-3.1-8b", "-q", "bf16", "--gpu", "h100", "--quant-policy", "0")
    assert eight["kv_cache_tokens"] == pytest.approx(plain["kv_cache_tokens"] * 256 / 132, rel=0.04)  # slabs


@pytest.mark.parametrize(
    ("gpu", "version", "most"),
    [
        ("h100", "", 1024),
        ("h100", "@0.9.2", 512),
        ("a100-80gb", "", 384),
        ("a100-80gb", "@0.10", 256),
        ("l40s", "", 128),
    ],
)
def test_sequences_at_once_by_the_name_of_the_card(gpu: str, version: str, most: int) -> None:
    asked = ("qwen3-0.6b", "-q", "bf16", "--gpu", gpu, "-c", "64")
    assert line(*asked, runtime=f"lmdeploy{version}")["max_concurrency"] == most
    assert line(*asked, "--max-batch-size", "7", runtime=f"lmdeploy{version}")["max_concurrency"] == 7
    assert line(*asked, "-b", "8", "--max-batch-size", "7")["fits"] is False


def test_a_range_on_both_sides_is_a_perhaps() -> None:
    """22 requests of 2,048 tokens: 43,008 tokens are counted, and between 30,720 and 52,224 are possible."""
    words = ("estimate", "llama-3.1-8b", "-q", "bf16", "--gpu", "rtx4090", "--runtime", "lmdeploy", "-c", "2048", "-b")
    assert "Yes:" in good(*words, "14").out
    maybe = good(*words, "20").out
    assert "Maybe:" in maybe
    assert "Perhaps only 15.0 requests of that context run at once, and 20 are asked for." in maybe
    assert "该上下文下可能只能同时运行 15.0 个请求" in good(*words, "20", "--lang", "zh").out
    assert "of 27 sequences of 2,048 tokens ~21.0 run at once" in good(*words, "27").out


def test_the_notes_are_said_in_both_languages() -> None:
    words = ("estimate", "qwen2.5-32b", "-q", "awq", "--gpu", "rtx3090", "--runtime", "lmdeploy", "--lang")
    english, chinese = good(*words, "en").out, good(*words, "zh").out
    assert "A step of 8,320 tokens takes ~1.57 GiB, and the cache leaves about 0.65: it may fail." in english
    assert "known of two starts alone: 1.89 GiB are counted, 0.50 to 3.78 possible" in english
    assert "一步 8,320 个词元约需 1.57 GiB" in chinese
    assert "仅知两次启动" in chinese


def test_the_line_to_type() -> None:
    asked = ("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "lmdeploy", "--gpu", "2x rtx4090", "--command")
    given = ("--session-len", "8192", "--quant-policy", "8", "--max-batch-size", "16", "--cache-max-entry-count", "0.5")
    wanted = (
        "lmdeploy serve api_server meta-llama/Llama-3.1-8B-Instruct --backend turbomind --session-len 8192 --tp 2 "
        "--quant-policy 8 --cache-max-entry-count 0.5 --max-batch-size 16"
    )
    assert wanted in " ".join(good(*asked, *given, "--width", "400").out.split())
    saved = good("estimate", "llama-3.1-8b", "-q", "fp8-block", *asked[4:]).out
    assert "./llama-3.1-8b-fp8-block" in saved


def test_explain_puts_the_numbers_in() -> None:
    told = good("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "lmdeploy", "--gpu", "rtx4090", "--explain").out
    assert "1 requests x 64 blocks of 64 tokens x 8,388,608 bytes" in told
    assert "= 672 blocks = 43,008 tokens, between 30,720 and 52,224" in told
    assert f"a step of {PREFILL + 128:,} tokens takes 1,090,519,040" in told
    assert "weights on each rank = 16,060,522,496 bytes" in told
    without = good("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "lmdeploy", "--explain").out
    assert "overhead = 2,030,043,136 bytes" in without
    assert "tensor 1" not in without


def test_fits_and_needs_say_what_estimate_says() -> None:
    found = {model.id: model for model in fits("rtx4090", runtime="lmdeploy", everything=True).models}
    assert len(found) > 50
    for name in ("qwen3-14b", "llama-3.2-3b"):
        same = line(name, "-q", found[name].quant, "--gpu", "rtx4090")
        assert (same["used_bytes"], same["max_context"]) == (found[name].used_bytes, found[name].max_context)
    assert "qwen3.5-27b" not in found
    offered = needs("llama-3.1-70b", ["awq"], runtime="lmdeploy", everything=True).devices
    assert offered
    assert all(line("llama-3.1-70b", "-q", "awq", "--gpu", one.id)["fits"] for one in offered[:3] if one.count == 1)


def test_a_bare_size_takes_the_share_of_what_it_leaves() -> None:
    found = line("7B", "-q", "bf16", "--gpu", "rtx4090")
    free = device_set("rtx4090").visible - 14_000_000_000 - BESIDES
    assert found["usable_bytes"] == pytest.approx(device_set("rtx4090").visible - free * 0.2, abs=2)


def test_without_a_device_ranks_are_those_that_are_asked_for() -> None:
    two, one = (
        estimate("llama-3.1-8b", ["bf16"], runtime="lmdeploy", options={"tp": ranks}).estimates[0] for ranks in (2, 1)
    )
    assert two.kv_cache_bytes == one.kv_cache_bytes == 64 * 8 * MIB
    assert two.overhead_bytes - one.overhead_bytes == pytest.approx(BESIDES, rel=0.01)


def test_a_card_that_is_too_small_says_so() -> None:
    told = good("estimate", "llama-3.1-8b", "-q", "bf16", "-q", "fp8-block", "--runtime", "lmdeploy", "--gpu", "10GiB")
    assert "The cache may not hold one request of that context whole." in told.out
    chinese = run(
        "estimate", "llama-3.1-8b", "-q", "fp8-block", "--runtime", "lmdeploy", "--gpu", "10GiB", "--lang", "zh"
    )
    assert "缓存可能放不下一个该上下文长度的完整请求。" in chinese.out


# -- what it does not run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["qwen3.5-27b", "glm-4.7-flash"])
def test_what_keeps_something_else_is_refused(name: str) -> None:
    told = run("estimate", name, "-q", "bf16", "--runtime", "lmdeploy", "--gpu", "h100")
    assert told.status != 0
    assert "What TurboMind keeps of" in told.err
    assert "is not modelled" in told.err


@pytest.mark.parametrize(
    ("name", "form", "why"),
    [
        ("gemma-3-4b", "bf16", "LMDeploy has no code for"),
        ("llama-3.1-8b", "q4_k_m", "LMDeploy does not run"),
        ("llama-3.1-8b", "fp8", "LMDeploy does not run"),
    ],
)
def test_families_and_formats_that_it_lacks(name: str, form: str, why: str) -> None:
    with pytest.raises(UnsupportedModelError, match=why):
        estimate(name, [form], runtime="lmdeploy")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--kv-dtype", "fp8"), "TurboMind keeps no cache in FP8"),
        (("--kv-dtype", "k=int8,v=fp16"), "TurboMind keeps K and V in the same format"),
        (("--tp", "3", "--gpu", "4x rtx4090"), "32 heads cannot be dealt out to --tp 3"),
        (("--tp", "4", "--gpu", "2x rtx4090"), "--tp asks for 4 devices, and 2 are named"),
        (("-c", "4096", "--session-len", "8192"), "--context 4096 and --session-len 8192 are both one sequence"),
        (("--quant-policy", "16"), "quant-policy"),
        (("--cache-max-entry-count", "1"), "--cache-max-entry-count 1 is no share of memory"),
        (("--cache-max-entry-count", "0"), "--cache-max-entry-count 0 is not possible"),
        (("--max-batch-size", "0"), "--max-batch-size 0 is not possible"),
        (("--session-len", "x"), "session-len"),
        (("--gpu", "mi300x"), "is not modelled"),
    ],
)
def test_options_that_cannot_be(given: tuple[str, ...], why: str) -> None:
    gpu = () if "--gpu" in given else ("--gpu", "rtx4090")
    told = run("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "lmdeploy", *gpu, *given)
    assert told.status == 2
    assert why in " ".join(told.err.split())


def test_a_release_that_was_not_read() -> None:
    with pytest.raises(UsageError, match="older than anything that was read"):
        estimate("llama-3.1-8b", ["bf16"], runtime="lmdeploy@0.6")
