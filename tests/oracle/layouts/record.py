"""``tests/truth/layouts.json``: a row for each layer and model that a library was asked about. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.oracle.layouts.layers import LAYERS, SHAPES
from tests.oracle.layouts.models import MODELS, WHOLE
from tests.oracle.outdated import Outdated, other_version
from tests.oracle.record import TRUTH, digest

RECORD = TRUTH / "layouts.json"
COMMAND = "make layouts FORMATS"
WHAT = "What real libraries store of linear layers and small models, made by tests/oracle/layouts."

Row = dict[str, Any]
Key = tuple[Any, ...]


class Rows(NamedTuple):
    """Those of layers by number format and shape, those of whole models by quant and model."""

    layers: dict[Key, Row]
    models: dict[Key, Row]


def read() -> Rows:
    """What was recorded, whether it is asked for today or not."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    return Rows(
        {(row["format"], *row["shape"]): row for row in record["layers"]},
        {(row["quant"], row["model"]): row for row in record["models"]},
    )


def write(rows: Rows) -> None:
    """The rows that are asked for today, in the order in which they are."""
    layers = [rows.layers[key] for form in LAYERS for shape in SHAPES if (key := (form, *shape)) in rows.layers]
    models = [rows.models[key] for key in WHOLE if key in rows.models]
    RECORD.write_text(_lines({"what": WHAT, "configs": MODELS, "layers": layers, "models": models}), encoding="utf-8")


def outdated(pinned: Mapping[str, str]) -> Iterator[Outdated]:
    """What has no row, a row of another config, or one made with another version of its library than the pinned one."""
    rows = read()
    for form in LAYERS:
        for shape in SHAPES:
            if why := _why(rows.layers.get((form, *shape)), pinned):
                yield Outdated(why, f"{form} {'x'.join(map(str, shape))}", form)
    for quant, model in WHOLE:
        row = rows.models.get((quant, model))
        if why := _why(row, pinned) or ("config changed" if row and row["config"] != digest(MODELS[model]) else None):
            yield Outdated(why, f"{quant} {model}", quant)


def parts() -> set[str]:
    """Everything that the record can be made again by."""
    return {*LAYERS, *(quant for quant, _ in WHOLE)}


def _why(row: Row | None, pinned: Mapping[str, str]) -> str | None:
    return other_version(row["library"], pinned) if row else "no row"


def _lines(record: Mapping[str, Any]) -> str:
    """JSON with a row a line."""
    parts = []
    for key, value in record.items():
        if isinstance(value, str):
            parts.append(f'"{key}": {json.dumps(value)}')
        elif isinstance(value, dict):
            rows = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in value.items()]
            parts.append(f'"{key}": {{\n' + ",\n".join(rows) + "\n}")
        else:
            parts.append(f'"{key}": [\n' + ",\n".join(map(json.dumps, value)) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"
