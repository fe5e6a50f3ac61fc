"""The facts that ship with the package, read fast: `data/*.yaml` in a compiled JSON form.

Parsing 300 entries of YAML takes 150 ms and more, their JSON 3 ms. A wheel carries the JSON only
made at build time; in a checkout it is remade when the YAML, or code that it was computed with, is newer.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

PACKAGE = os.path.dirname(os.path.abspath(__file__))
COMPILED = os.path.join(PACKAGE, "_data")
#: Only there in a checkout.
SOURCES = os.path.join(os.path.dirname(os.path.dirname(PACKAGE)), "data")

_YAML = ("formats", "quants", "quality", "vocabularies", "speed", "bounds", "devices", "models")
TABLES = (*_YAML, "peers", "sizes", "gguf_sizes")
#: Tables that are made from another one's YAML.
YAML_OF = {"peers": "models", "sizes": "models", "gguf_sizes": "models"}

_MODELS = (
    "build.py",
    "names.py",
    "units.py",
    "catalogue.py",
    "spec.py",
    "shape.py",
    "inventory.py",
    "families",
    "blocks",
    "formats/gguf",
    "runtimes/llama_cpp",
    "speed",
)
_FORMATS = ("formats", "formats/gguf", "formats.yaml", "quants.yaml")
#: What the tables were computed with, besides their YAML: code of the package, other YAML.
_MADE_WITH = {
    "formats": ("build.py", "names.py", "formats"),
    "quants": ("build.py", "names.py", "formats", "formats.yaml"),
    "quality": ("build.py", "formats"),
    "speed": ("build.py",),
    "vocabularies": ("build.py", "formats/gguf"),
    "bounds": ("build.py", "bounds.py"),
    "devices": ("build.py", "names.py", "devices"),
    "models": _MODELS,
    "peers": _MODELS,
    "sizes": (*_MODELS, *_FORMATS),
    "gguf_sizes": (*_MODELS, *_FORMATS),
}


@cache
def table(name: str) -> dict[str, Any]:
    """The compiled table `name`.

    ``models``, ``devices``, ``formats``, ``quants``; ``peers``, the shapes of all decoders; ``sizes``, the bytes of
    every model's weights in every quant, and ``gguf_sizes`` in llama.cpp's, apart because they are asked for most;
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
        from llmscale.build import compile_table

        data = compile_table(name, source)
        _write(compiled, {"stamp": stamp, "data": data})
        return data
    with open(compiled, encoding="utf-8") as file:
        return json.load(file)["data"]  # type: ignore[no-any-return]


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
