"""Python asks as people write: what it takes, what it gives back, and that both are the command line's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import llmscale
from llmscale import LlmscaleError, compare, devices, estimate, fits, models, needs, params, quants
from llmscale.answers.results.common import to_json
from tests.helpers import TINY, TINY_TOTAL, good, write_config

ANSWERS = {
    "estimate": (
        lambda: estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090"),
        "estimate llama-3.1-8b -q q4_k_m --gpu rtx4090",
    ),
    "estimate alone": (lambda: estimate("7B"), "estimate 7B"),
    "fits": (lambda: fits("rtx3060"), "fits rtx3060"),
    "fits model": (lambda: fits("rtx3060", "qwen3-14b"), "fits rtx3060 qwen3-14b"),
    "fits overview": (lambda: fits(None, ["7B", "gpt2"], quants=["int4"]), "fits -m 7B -m gpt2 -q int4"),
    "needs": (lambda: needs("llama-2-70b", "int4"), "needs llama-2-70b -q int4"),
    "compare": (lambda: compare("gpt-3", "llama-2-70b"), "compare gpt-3 llama-2-70b"),
    "params": (lambda: params("deepseek-v3"), "params deepseek-v3"),
    "models": (lambda: models("qwen"), "models list qwen"),
    "devices": (lambda: devices("apple"), "devices list apple"),
    "quants": (lambda: quants("int"), "quants list int"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_is_the_command_lines(case: str) -> None:
    ask, line = ANSWERS[case]
    answer = ask()
    assert answer.to_dict() == json.loads(answer.to_json()) == good(*line.split(), "-o", "json").json()
    assert str(answer) == good(*line.split(), "--width", "100", "--no-color").out.rstrip("\n")


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_is_rows_and_html(case: str) -> None:
    answer = ANSWERS[case][0]()
    rows = answer.to_rows()
    assert rows
    assert all(list(row) == list(rows[0]) for row in rows)
    assert json.loads(json.dumps(rows)) == rows
    page = answer._repr_html_()
    assert page.count("<tr>") >= len(rows)
    assert "<table>" in page


def test_html_is_escaped() -> None:
    name = "<script>alert(1)</script>"
    assert "<script>" not in params({**TINY, "_name_or_path": name})._repr_html_()


def test_a_string_is_one_item_and_numbers_are_as_people_write_them() -> None:
    one = estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090", context="8k")
    assert one == estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090"], context=8192)
    assert one == estimate("llama-3.1-8b", quant="q4_k_m", gpu=["rtx4090"], context="8,192")
    assert estimate("7B", "int4", sequences=4) == estimate("7B", "int4", batch=4)
    assert compare("gpt-3", "gpt2") == compare(["gpt-3", "gpt2"])
    assert fits("rtx4090", "gpt2", context="1k") == fits("rtx4090", ["gpt2"], context=1024)


def test_options_of_runtimes_are_keywords() -> None:
    said = estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090", ubatch=1024)
    assert said == estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090", options={"ubatch": 1024})
    assert said != estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090")
    eager = fits("l40s", "qwen3-14b", quant="fp8", runtime="vllm", enforce_eager=True)
    assert eager == fits("l40s", "qwen3-14b", quants=["fp8"], runtime="vllm", options={"enforce_eager": True})


class _Config:
    """As a config of transformers says itself."""

    _name_or_path = "mine/tiny"

    def to_diff_dict(self) -> dict[str, Any]:
        return dict(TINY)

    def to_dict(self) -> dict[str, Any]:
        raise AssertionError("the defaults are not asked for")


def test_a_model_is_a_path_a_dictionary_or_a_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_config(tmp_path, TINY)
    monkeypatch.chdir(tmp_path)
    for model in (path, str(path), tmp_path, Path("config.json"), TINY, _Config()):
        count = params(model).parameters  # type: ignore[arg-type]
        assert count is not None
        assert count.total == TINY_TOTAL, model
    assert params(_Config()).model.id == "mine/tiny"
    assert params(TINY).model.id == "llama"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: estimate("lama-3.1-8b"),
        lambda: estimate("llama-3.1-8b", gpu="rtx4091"),
        lambda: estimate("llama-3.1-8b", contxt=3),
        lambda: estimate(7),  # type: ignore[arg-type]
        lambda: estimate({"model_type": "nosuch"}),
        lambda: estimate({}),
        lambda: estimate("{"),
        lambda: fits("rtx4090", context="many"),
        lambda: fits("rtx4090", ubatch="many"),
        lambda: compare("gpt2"),
        lambda: needs("7B", kind="toaster"),
    ],
)
def test_what_is_wrong_is_one_kind_of_error_with_a_hint(ask: Any) -> None:
    with pytest.raises(LlmscaleError) as caught:
        ask()
    assert caught.value.hint


def test_threads_get_the_same_answers() -> None:
    expected = to_json(estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090"))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: to_json(estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090")), range(8)))
    assert found == [expected] * 8


def test_devices_is_a_function_though_a_room_has_the_name() -> None:
    import llmscale.devices.device

    assert llmscale.devices.device.entry
    assert {device.id for device in llmscale.devices("rtx4090").devices} >= {"rtx4090"}


def test_every_name_that_is_offered_is_there() -> None:
    for name in llmscale.__all__:
        assert getattr(llmscale, name)
