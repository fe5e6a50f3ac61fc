"""Published steps on several devices, as questions of this room."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from llmscale.devices.sets import device_set
from llmscale.fit.subject import model_of
from llmscale.model.families import from_config
from llmscale.sources.interface import Undisclosed
from llmscale.sources.registry import load
from llmscale.training.parallel.layout import Batch, Layout
from llmscale.training.parallel.memory import Bytes
from llmscale.training.parallel.sizes import Sizes, sizes

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "truth" / "training_layouts.json").read_text(encoding="utf-8")
)["rows"]
#: FP32 weights divided by FSDP, and Megatron's 18 bytes.
DIVIDED, MEGATRON = Bytes(4, 4, 8), Bytes(2, 4, 12)


@cache
def _of_catalogue(name: str) -> Sizes:
    loaded = load(name)
    assert not isinstance(loaded, Undisclosed)
    assert model_of(loaded.spec)
    return sizes(loaded.spec)


@cache
def _of_widths(hidden: int, heads: int, layers: int, sequence: int) -> Sizes:
    config = {
        "model_type": "mpt",
        "d_model": hidden,
        "n_heads": heads,
        "n_layers": layers,
        "vocab_size": 50368,
        "max_seq_len": sequence,
        "expansion_ratio": 4,
        "no_bias": True,
        "attn_config": {"alibi": True},
    }
    return sizes(from_config(config, "mpt"))


def model(row: dict[str, Any]) -> Sizes:
    """The model of a row."""
    return _of_widths(**row["config"], sequence=row["sequence"]) if "config" in row else _of_catalogue(row["model"])


def layout(row: dict[str, Any]) -> Layout:
    """Its layout; layers are run again where the row does not say."""
    names = ("dp", "tp", "pp", "vp", "cp", "ep", "zero", "micro")
    return Layout(**{name: row[name] for name in names if name in row}, recompute=row.get("recompute", True))


def batch(row: dict[str, Any]) -> Batch:
    """Its batch."""
    return Batch(row["sequence"], row["sequences"])


def each(row: dict[str, Any]) -> Bytes:
    """Bytes of a parameter."""
    return DIVIDED if "config" in row or row["zero"] == 3 else MEGATRON


def budget(row: dict[str, Any]) -> int:
    """Usable bytes of one of its devices."""
    return 2**30 * 95 if row["device"] == "h100:96GiB" else device_set(row["device"]).usable
