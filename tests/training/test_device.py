"""Published peaks of single cards against the step's tensors and the one term on top of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from llmscale.answers.train import train
from llmscale.answers.train_memory import MemoryAsked
from llmscale.training.device import ERRORS, TYPICAL, overhead

TRUTH: dict[str, Any] = json.loads((Path(__file__).parents[1] / "truth" / "training_published.json").read_text())


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, int, int]]:
    """Of each row: source, theirs, our tensors, and those that move."""
    folder = tmp_path_factory.mktemp("configs")
    for name, config in TRUTH["configs"].items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    return list(_measured(folder))


def _measured(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    for row in TRUTH["rows"]:
        config = folder / f"{row['model']}.json"
        taken = train(
            str(config) if config.exists() else row["model"],
            method=row["method"],
            lora_rank=row.get("rank"),
            lora_targets="default" if row["method"] == "full" else "all-linear",
            optimizer=row.get("optimizer", "adamw"),
            precision=row.get("precision", ""),
            memory=MemoryAsked(
                row["seq"],
                row.get("micro_batch", 1),
                row["checkpointing"],
                "flash",
                kbit=row.get("kbit", "peft"),
                loss=row.get("loss", "logits"),
            ),
        ).memory
        moving = (taken.total_bytes or 0) - taken.weights_bytes - taken.optimizer_bytes
        yield row["source"].partition("@")[0], row["bytes"], taken.total_bytes or 0, moving


def test_the_range_holds_the_published_rows_as_often_as_it_is_said(measured: list[tuple[str, int, int, int]]) -> None:
    held = [
        tensors + overhead(moving).low <= theirs <= tensors + overhead(moving).high
        for _, theirs, tensors, moving in measured
    ]
    assert (sum(held), len(held)) == (ERRORS.held, ERRORS.rows)


def test_the_error_that_is_said_is_that_of_sources_left_out(measured: list[tuple[str, int, int, int]]) -> None:
    errors = []
    for left_out in {source for source, *_ in measured}:
        on_top = median(theirs - tensors for source, theirs, tensors, _ in measured if source != left_out)
        errors += [
            abs(tensors + on_top - theirs) / theirs for source, theirs, tensors, _ in measured if source == left_out
        ]
    assert median(errors) == pytest.approx(ERRORS.median, abs=0.005)
    assert max(errors) == pytest.approx(ERRORS.worst, abs=0.005)


def test_the_term_is_the_median_of_what_the_rows_have_on_top(measured: list[tuple[str, int, int, int]]) -> None:
    assert median(theirs - tensors for _, theirs, tensors, _ in measured) == pytest.approx(TYPICAL, rel=0.02)
