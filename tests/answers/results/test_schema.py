"""The JSON contract: every answer fits the schema of its class, and every size and count is a whole number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

import llmscale
from llmscale.answers import lists
from llmscale.answers.results.check import CheckResult
from llmscale.answers.results.compare import CompareResult
from llmscale.answers.results.estimate import EstimateResult
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.answers.results.lists import DevicesResult, ModelResult, ModelsResult, QuantsResult
from llmscale.answers.results.needs import NeedsResult
from llmscale.answers.results.params import ParamsResult
from llmscale.answers.results.train import TrainResult
from llmscale.answers.train import train
from llmscale.answers.train_compute import ComputeAsked
from tests.helpers import REPOSITORY, not_whole, tiny, write_config
from tests.render.writers.drawings import json_of

ANSWERS: dict[str, tuple[type[Any], Any]] = {
    "params exact": (ParamsResult, lambda: llmscale.params("deepseek-v3")),
    "params size": (ParamsResult, lambda: llmscale.params("8x7B")),
    "params undisclosed": (ParamsResult, lambda: llmscale.params("gpt-4")),
    "params reported": (ParamsResult, lambda: llmscale.params("seed1.5-thinking")),
    "estimate exact": (EstimateResult, lambda: llmscale.estimate("gemma-3-27b", gpus=["2x rtx3090", "m2-ultra"])),
    "estimate size": (EstimateResult, lambda: llmscale.estimate("7B", explain=True)),
    "estimate vision": (EstimateResult, lambda: llmscale.estimate("vit-base")),
    "compare": (CompareResult, lambda: llmscale.compare(["gpt-3", "gpt-4", "7B", "kimi-k2"])),
    "fits": (FitsResult, lambda: llmscale.fits("rtx4090")),
    "fits overview": (FitsOverview, lambda: llmscale.fits(models=["7B", "gpt2"])),
    "needs": (NeedsResult, lambda: llmscale.needs("llama-2-70b")),
    "train": (TrainResult, lambda: train("qwen3-0.6b", run=ComputeAsked(devices="rtx4090", tokens=10**9, mfu=0.3))),
    "train adapters": (TrainResult, lambda: train("mixtral-8x7b", method="lora", lora_targets="all-linear")),
    "train size": (TrainResult, lambda: train("7B")),
    "check": (CheckResult, llmscale.check_models),
    "models": (ModelsResult, lists.list_models),
    "model": (ModelResult, lambda: lists.show_model("llama-2-7b")),
    "model undisclosed": (ModelResult, lambda: lists.show_model("doubao")),
    "devices": (DevicesResult, lists.list_devices),
    "quants": (QuantsResult, lists.list_quants),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_fits_the_schema_of_its_class(case: str) -> None:
    kind, ask = ANSWERS[case]
    answer = json.loads(json_of(ask()))
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(answer, schema)
    assert answer["schema"] == "llmscale/1"
    assert answer["command"].split()[0] == case.split()[0].removesuffix("s") or answer["command"].startswith(
        ("params", "fits", "needs", "models", "devices", "quants")
    )
    assert not_whole(answer) == set()


@pytest.mark.parametrize("case", ["params exact", "estimate exact", "estimate size", "needs", "compare", "train"])
def test_the_schema_is_no_rubber_stamp(case: str) -> None:
    kind, ask = ANSWERS[case]
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    answer = json.loads(json_of(ask()))
    key = {"params exact": "model", "compare": "models", "train": "memory"}.get(
        case, "context" if case != "needs" else "total_bytes"
    )
    for damaged in ({**answer, key: "text"}, {k: v for k, v in answer.items() if k != key}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(damaged, schema)


def test_sizes_are_whole_bytes_whatever_the_format(tmp_path: Path) -> None:
    path = write_config(tmp_path, tiny(vocab_size=101, hidden_size=20, intermediate_size=7))
    answer = json.loads(json_of(llmscale.estimate(str(path), kv_dtype="int4", context=7, gpus=["rtx4090:20.5GB"])))
    assert not_whole(answer) == set()
    assert not_whole({"a_bytes": 1.0, "ratio": 1.5}) == {"a_bytes"}


@pytest.mark.skipif(not (REPOSITORY / "docs" / "schema.json").exists(), reason="the reference is not generated here")
def test_the_published_schema_is_json_schema() -> None:
    schema = json.loads((REPOSITORY / "docs" / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
