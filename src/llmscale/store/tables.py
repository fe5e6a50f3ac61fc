"""The facts that ship with the package, read fast: `data/*.yaml` in a compiled JSON form.

Parsing 300 entries of YAML takes 150 ms and more, their JSON 3 ms. A wheel carries the JSON only
made at build time; in a checkout it is remade when the YAML, or code that it was computed with, is newer.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILED = os.path.join(PACKAGE, "_data")
#: Only there in a checkout.
SOURCES = os.path.join(os.path.dirname(os.path.dirname(PACKAGE)), "data")

_YAML = ("formats", "quants", "quality", "vocabularies", "speed", "bounds", "devices", "models")
#: By the runtime of the quants: an answer asks for one or two of them.
SIZES = {runtime: f"sizes_{runtime}" for runtime in ("llama.cpp", "transformers", "vllm", "exllama", "mlx")}
TABLES = (*_YAML, "outlines", *SIZES.values())
#: Tables that are made from another one's YAML.
YAML_OF = dict.fromkeys(("outlines", *SIZES.values()), "models")

_MODELS = ("compile", "names.py", "units.py", "catalogue", "model", "model/families", "model/blocks")
_FORMATS = ("formats", "formats/gguf", "formats.yaml", "quants.yaml")
#: What the tables were computed with, besides their YAML: code of the package, other YAML.
_MADE_WITH = {
    "formats": ("compile", "names.py", "formats"),
    "quants": ("compile", "names.py", "formats", "formats.yaml"),
    "quality": ("compile", "formats"),
    "speed": ("compile",),
    "vocabularies": ("compile", "formats/gguf"),
    "bounds": ("compile", "fit"),
    "devices": ("compile", "names.py", "devices"),
    "models": _MODELS,
    "outlines": (
        *_MODELS,
        "formats/gguf",
        "runtimes/llama_cpp",
        "runtimes/llama_cpp/simulator",
        "runtimes/transformers",
        "speed",
    ),
    **dict.fromkeys(SIZES.values(), (*_MODELS, "speed", *_FORMATS)),
}


@cache
def table(name: str) -> dict[str, Any]:
    """The compiled table `name`.

    ``models``, ``devices``, ``formats``, ``quants``; ``outlines``, what is asked of every model at once; `SIZES`, the
    bytes of every model's weights in every quant, apart by the runtime that reads them;
    ``quality``, what quants lose by model; ``vocabularies``, those of GGUF files; ``speed``, what devices were measured
    to do; ``bounds``, how far off figures were found to be.
    """
    source = os.path.join(SOURCES, f"{YAML_OF.get(name, name)}.yaml")
    compiled = os.path.join(COMPILED, f"{name}.json")
    if os.path.exists(source) and os.path.exists(os.path.join(SOURCES, os.pardir, "pyproject.toml")):
        stamp = _newest(source, name)
        found = _read(compiled)
        if found is not None and found.get("stamp") == stamp:
            return found["data"]  # type: ignore[no-any-return]
        from llmscale.compile.tables import compile_table

        data = compile_table(name, source)
        _write(compiled, {"stamp": stamp, "data": data})
        return data
    with open(compiled, encoding="utf-8") as file:
        return json.load(file)["data"]  # type: ignore[no-any-return]


def sizes(runtime: str, model_id: str) -> dict[str, list[int]]:
    """Of a shipped model: bytes of its weights in each quant that `runtime` reads, as `llmscale.compile` made them."""
    found: dict[str, list[int]] = table(SIZES[runtime])[model_id] if runtime in SIZES else {}
    return found


def _newest(source: str, name: str) -> int:
    paths = [source]
    for entry in _MADE_WITH[name]:
        path = os.path.join(SOURCES if entry.endswith(".yaml") else PACKAGE, entry)
        paths += [e.path for e in os.scandir(path) if e.name.endswith(".py")] if os.path.isdir(path) else [path]
    return max(os.stat(path).st_mtime_ns for path in paths)


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _write(path: str, content: dict[str, Any]) -> None:
    """Write whole or not at all; a checkout that cannot be written to only starts more slowly."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
        os.replace(temporary, path)
    except OSError:
        return
