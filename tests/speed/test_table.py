"""The fitted factors of a device under a runtime; nothing where no row tells."""

from __future__ import annotations

from llmscale.speed import predict
from llmscale.speed.load import PromptFlops
from llmscale.speed.predict import Stage
from llmscale.speed.table import setup
from tests.speed.works import SEVEN, TABLE, device, found


def test_every_factor_of_the_table_keeps_to_its_bound() -> None:
    for classes in TABLE["runtimes"].values():
        for each in classes.values():
            assert min(each["weights"].values()) >= 1
            assert min(each["cache"], each["cache_no_flash"], each["state"]) >= 1
            assert min(each["launch_us"], each["hop_us"], each["reduce_us"]) >= 0
            for low, high in each["range"].values():
                assert 0 < low < 1
                assert high is None or high > 1


def test_a_device_with_rows_has_a_correction_and_the_narrower_range() -> None:
    known, unknown = found("rtx3090"), found("rtx3090", id="a new card")
    assert known.rows > 20
    assert unknown.rows == 0
    assert known.machine.factors.device != 1
    assert unknown.machine.factors.device == 1
    assert known.decode.low >= unknown.decode.low
    assert (known.decode.high or 0) < (unknown.decode.high or 0)


def test_flash_attention_reads_the_cache_faster() -> None:
    plain = setup(TABLE, "llama.cpp", device("m2-ultra"), "q4_k_m", flash=False)
    assert plain is not None
    assert plain.machine.factors.cache > found("m2-ultra").machine.factors.cache


def test_what_no_row_tells_is_not_told() -> None:
    assert setup(TABLE, "no such runtime", device("rtx4090"), "q4_k_m") is None
    assert setup(TABLE, "mlx", device("rtx4090"), "q4_k_m") is None
    assert setup(TABLE, "vllm", device("m4-max"), "awq") is None
    assert setup(TABLE, "sglang", device("m4-max"), "awq") is None
    assert setup(TABLE, "llama.cpp", device("rtx4090", bandwidth_gb_s=None), "q4_k_m") is None
    assert setup(TABLE, "llama.cpp", device("rtx4090", fp32_tflops=None), "q4_k_m") is None
    bare = found("rtx4090", fp16_tflops=None)
    assert predict.first_token([Stage(SEVEN, bare)], PromptFlops(1e12, 0.0), 512, 512) is None


def test_ollama_is_llama_cpp() -> None:
    assert found("rtx4090", runtime="ollama") == found("rtx4090")


def test_vllm_stands_for_sglang_where_that_was_not_measured() -> None:
    own, other = (
        found("h20", runtime="sglang", format_id="fp16"),
        found("a100-80gb", runtime="sglang", format_id="fp16"),
    )
    assert own.measured
    assert own.rows > 5
    assert not other.measured
    assert other.machine == found("a100-80gb", runtime="vllm", format_id="fp16").machine
