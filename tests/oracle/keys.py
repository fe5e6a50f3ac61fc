"""``python -m tests.oracle.keys``: what the classes of transformers read of a config, into `data/keys.yaml`.

Of each model type that a family reads, and of the parts of one: the names that its modules, and those they build on,
may ask a config for; the values that its Config assumes; the model types of its parts. The names are read off the
source, so they are more than what one class asks for, and never fewer: what is not among them cannot change a tensor.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES, model_type_to_module_name

from llmscale.model.derived import by_tensors
from llmscale.model.families import model_types
from llmscale.model.families._harmless import named_harmless
from tests.oracle.rules import SAME_AS

ROOT = Path(transformers.__file__).parent
TARGET = Path(__file__).parents[2] / "data" / "keys.yaml"
#: Modules that every class stands on.
SHARED = ("configuration_utils", "modeling_utils", "modeling_rope_utils", "modeling_layers", "masking_utils")
#: Where a module names another model's, whose code it runs.
_MODULE = re.compile(r"(modeling|configuration)_(?!auto)\w+\.py")
#: Objects that hold settings: ``config``, ``self.text_config``, ``cfg``.
_SETTINGS = re.compile(r".*config.*|cfg|args", re.IGNORECASE)
_ASKING = {"getattr": 1, "hasattr": 1, "setattr": 1, "get": 0, "pop": 0, "setdefault": 0}


def main() -> int:
    """Write the file anew."""
    types: dict[str, dict[str, Any]] = {}
    # What was derived by machine says itself what its classes assume.
    for derived in (False, True):
        waiting = [SAME_AS.get(name, name) for name in model_types() if by_tensors(name) is derived]
        while waiting:
            name = waiting.pop()
            if name in types or name not in CONFIG_MAPPING_NAMES:
                continue
            types[name] = facts(name)
            waiting += types[name].get("parts", {}).values()
            if derived:
                types[name].pop("defaults", None)
    lines = [
        "# Made by `make oracle` (tests/oracle/keys.py), not by hand: what classes of transformers read of a config.",
        f"version: {transformers.__version__}",
        "shared: " + json.dumps(" ".join(sorted(_told(_shared())))),
        "types:",
        *(f"  {json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types)),
    ]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(types)} model types of transformers {transformers.__version__} in {TARGET.name}")
    return 0


def facts(model_type: str) -> dict[str, Any]:
    """The entry of one model type."""
    folder = ROOT / "models" / model_type_to_module_name(model_type)
    found: set[str] = set()
    seen: set[Path] = set()
    for path in sorted(folder.glob("*.py")):
        if _MODULE.fullmatch(path.name):
            found |= _read(path, seen)
    entry: dict[str, Any] = {"reads": " ".join(sorted(_told(found) - _told(_shared())))}
    settings = transformers.CONFIG_MAPPING[model_type]
    if defaults := dict(_defaults(settings)):
        entry["defaults"] = defaults
    if parts := dict(_parts(settings)):
        entry["parts"] = parts
    return entry


def _defaults(settings: Any) -> Iterator[tuple[str, Any]]:
    """What the class assumes where a file leaves a key out, as far as it is a number, a switch, a word or a list."""
    for name, field in sorted(settings.__dataclass_fields__.items()):
        value = field.default
        if callable(field.default_factory):
            value = field.default_factory()
        if isinstance(value, tuple):
            value = list(value)
        plain = isinstance(value, (bool, int, float, str)) or (isinstance(value, list) and len(value) <= 64)
        if plain and not named_harmless(name) and not _of_every_config(name, value):
            yield name, value


def _of_every_config(name: str, value: Any) -> bool:
    return getattr(transformers.PreTrainedConfig, name, None) == (tuple(value) if isinstance(value, list) else value)


def _parts(settings: Any) -> Iterator[tuple[str, str]]:
    for key, part in settings.sub_configs.items():
        model_type = getattr(part, "model_type", "")
        if model_type in CONFIG_MAPPING_NAMES:
            yield key, model_type


def _told(names: set[str]) -> set[str]:
    return {name for name in names if re.fullmatch(r"(?!__)[a-z_][a-zA-Z0-9_]+", name) and not named_harmless(name)}


@cache
def _shared() -> set[str]:
    """What the base of every Config has: its fields, and what its own modules ask for."""
    found: set[str] = set()
    for module in SHARED:
        found |= _read(ROOT / f"{module}.py", set(), base=True)
    return found


def _read(path: Path, seen: set[Path], base: bool = False) -> set[str]:
    """The names that a module, and those of other models that it imports, may ask a config for."""
    if path in seen or not path.exists():
        return set()
    seen.add(path)
    found: set[str] = set()
    configuration = path.name.startswith("configuration") and not base
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found |= set(_asked(node))
        if configuration:
            found |= set(_declared(node))
        if isinstance(node, ast.ImportFrom) and node.module and node.level and not base:
            target = path.parents[node.level - 1] / f"{node.module.replace('.', '/')}.py"
            if "models" in target.parts and _MODULE.fullmatch(target.name):
                found |= _read(target, seen)
    return found


def _asked(node: ast.AST) -> Iterator[str]:
    """``config.x``, ``getattr(config, "x")``, ``kwargs.pop("x")``, ``config["x"]``."""
    if isinstance(node, ast.Attribute) and _SETTINGS.fullmatch(_last(node.value)):
        yield node.attr
    elif isinstance(node, ast.Call) and (place := _ASKING.get(_last(node.func))) is not None:
        yield from _word(node.args[place]) if len(node.args) > place else ()
    elif isinstance(node, ast.Subscript):
        yield from _word(node.slice)


def _declared(node: ast.AST) -> Iterator[str]:
    """Fields, arguments, further spellings and whatever else a Config's own module names."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Attribute) and _last(node.value) == "self":
        yield node.attr
    else:
        yield from _word(node)


def _last(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _word(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


if __name__ == "__main__":
    sys.exit(main())
