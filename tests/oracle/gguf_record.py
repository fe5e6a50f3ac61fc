"""``python -m tests.oracle.gguf_record OUT_DIR [OUT_DIR …]``: what `tests.oracle.gguf` found, as tests/truth holds it.

A row that is there already stays unless it was found again; of a model type without tensors the smallest model joins.
Bytes are counted with gguf-py's own table of block sizes, not with ours. What the two commands need is no package: a
checkout of llama.cpp at the commit that the files name, its ``llama-quantize`` built there (``cmake -B build && cmake
--build build --target llama-quantize``), its gguf-py on PYTHONPATH, and the oracle's environment for torch.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

from tests.oracle.gguf import everything

TRUTH = Path(__file__).parent.parent / "truth"
SIZES = TRUTH / "gguf_sizes.json"
TENSORS = TRUTH / "gguf_tensors.json"


def main(folders: Iterable[str]) -> None:
    """Read every answer and write both files."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    blocks = {kind.name: GGML_QUANT_SIZES[kind] for kind in GGMLQuantizationType}
    sizes: dict[str, Any] = json.loads(SIZES.read_text(encoding="utf-8"))
    runs: dict[str, dict[str, int | None]] = sizes["dry_runs"]
    answers = [json.loads(path.read_text()) for folder in folders for path in sorted(Path(folder).glob("*.json"))]
    for answer in answers:
        shapes = {name: shape for name, (shape, _) in answer["tensors"].items()}
        for preset, types in answer["dry"].items():
            found = sum(_bytes(shapes[name], blocks[kind]) for name, kind in types.items())
            runs.setdefault(answer["id"], {})[preset] = found or None
    write(SIZES, {**sizes, "dry_runs": dict(sorted(runs.items()))})
    models: dict[str, dict[str, Any]] = json.loads(TENSORS.read_text(encoding="utf-8"))["models"]
    models |= {answer["id"]: _tensors(answer) for answer in _of_each_kind(answers, models)}
    write(TENSORS, {"llama_cpp": sizes["llama_cpp"], "models": dict(sorted(models.items()))})


def _of_each_kind(answers: Iterable[dict[str, Any]], recorded: Collection[str]) -> Iterator[dict[str, Any]]:
    """Those of models that are recorded, and the smallest of each model type and architecture that has none yet."""
    types = {subject.id: subject.model_type for subject in everything()}
    known = {types[name] for name in recorded if name in types}
    seen: set[tuple[str, str]] = set()
    for answer in sorted(answers, key=lambda answer: len(answer["tensors"])):
        kind = answer["model_type"], answer["arch"]
        if answer["id"] in recorded or (answer["model_type"] not in known and kind not in seen):
            seen.add(kind)
            yield answer


def _bytes(shape: list[int], block: tuple[int, int]) -> int:
    elements, size = block
    return prod(shape) // elements * size


def _tensors(answer: dict[str, Any]) -> dict[str, Any]:
    """Names with ``{layer}``, and how many tensors of which shape and type each stands for."""
    kinds: Counter[tuple[str, str]] = Counter()
    for name, (shape, kind) in answer["tensors"].items():
        pattern = re.sub(r"blk\.\d+\.", "blk.{layer}.", name)
        kinds[pattern, f"{kind} {'x'.join(map(str, shape))}"] += 1
    tensors: dict[str, dict[str, int]] = {}
    for (name, kind), count in sorted(kinds.items()):
        tensors.setdefault(name, {})[kind] = count
    heads, kv_heads = (answer["kv"].get(f"attention.{key}") for key in ("head_count", "head_count_kv"))
    return {
        "arch": answer["arch"],
        "heads": first(heads),
        "kv_heads": first(heads if kv_heads is None else kv_heads),
        "experts": answer["kv"].get("expert_count", 0),
        "layers": answer["kv"]["block_count"],
        "tensors": tensors,
    }


def first(value: Any) -> int:
    """A key of the metadata that may be there for every layer: that of layer 0."""
    value = value[0] if isinstance(value, list) else value
    return int(value or 0)


def write(path: Path, content: dict[str, Any]) -> None:
    """JSON with a line per model."""
    lines = []
    for key, value in content.items():
        if isinstance(value, dict):
            rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{rows}\n }}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
