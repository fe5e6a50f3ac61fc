"""Servers under load, asked through the public API as a user asks: model, quant, cards, users and lengths.

The three times of a server's processor were fitted to the rows that nothing excuses (`benchmarks/fit_load.py`); what
errors are of sources that the fit did not see stands in `data/load.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.accuracy.rows import Comparison, Row
from benchmarks.fit_load import rows
from llmscale import estimate
from llmscale.answers.results.load import ServedLoad
from llmscale.errors import LlmscaleError

SOURCE = (
    "Published benchmarks of vLLM and SGLang, `tests/truth/load.json`, asked by model, quant, cards, users, lengths. "
    "Three times of the server's processor are fitted to these rows; with the source left out the medians are those of "
    "`data/load.yaml`. Unusual: all requests at once with none after them, and TensorRT-LLM, which is not modelled."
)
#: The quantities: their names, where the truth stands, where ours does, and its unit.
FIGURES = (
    ("Tokens/s of many users, as asked", "tokens_per_second", "tokens_per_second", 1.0),
    ("First token among many users, as asked", "ttft_ms", "first_token_seconds", 1000.0),
    ("Time per token among many users, as asked", "tpot_ms", "token_seconds", 1000.0),
)


def comparisons() -> Iterator[Comparison]:
    """What servers were published to do for many users."""
    told = [(row, found) for row in rows() if (found := _told(row))]
    for what, key, field, unit in FIGURES:
        yield Comparison(
            what,
            SOURCE,
            [
                Row(_name(row), unit * getattr(found, field), row[key], row["unusual"], seen=True, source=row["source"])
                for row, found in told
                if row[key]
            ],
        )


def _told(row: dict[str, Any]) -> ServedLoad | None:
    """None where it is refused, or has no speed or no room."""
    try:
        answer = estimate(
            row["model"],
            row["quant"],
            gpu=f"{row['tp']}x {row['card']}",
            runtime=row["engine"],
            users=row["users"],
            prompt=row["prompt"],
            answer=row["answer"],
            **row["options"],
        )
    except LlmscaleError:
        return None
    return answer.estimates[0].devices[0].under_load


def _name(row: dict[str, Any]) -> str:
    where = f"{row['tp']}x {row['card']}"
    return f"{row['model']} {row['quant']} {row['engine']} {where} {row['users']} users {row['prompt']}+{row['answer']}"
