"""The rows of ``tests/truth/measured_gpu.json``: added one by one, each written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

WHAT = (
    "Memory of transformers with random weights built from the catalogue's configs, measured by `make measure` "
    "(benchmarks/measure). Bytes: by torch's allocator (allocated, reserved, and the most of each since the last "
    "reading), by the driver for the process, and used of the device by all; with the CUDA context alone, after the "
    "model was built, after the prompt, after the answer. null: nobody could be asked"
)
#: What makes two rows the same measurement; the later one replaces the other.
SAME = ("model", "prompt", "answer", "batch", "attn", "cache", "dtype", "device", "driver", "torch", "transformers")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows that there are.

    Raises:
        ValueError: the file holds something else; it is left alone.
    """
    if not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not isinstance(content.get("rows"), list):
        raise ValueError(f"{path} holds no rows of measurements.")
    return list(content["rows"])


def add(path: Path, row: dict[str, Any]) -> None:
    """Put `row` with the others, in place of one of the same measurement."""
    rows = [known for known in read(path) if _same(known) != _same(row)] + [row]
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    lines = ",\n".join(json.dumps(known) for known in rows)
    temporary.write_text(f'{{"what": {json.dumps(WHAT)},\n"rows": [\n{lines}\n]}}\n', encoding="utf-8")
    os.replace(temporary, path)


def _same(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in SAME)
