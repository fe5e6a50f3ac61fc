"""The house keeps its rules: small rooms, one name for one thing, no runtime known outside its room.

The arrows between rooms are `lint-imports`' (pyproject.toml). What breaks a rule today is listed here; a list may only
become shorter, so an exception that is no longer needed fails as well.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "llmscale"
LONGEST_MODULE, LONGEST_FUNCTION = 300, 40
#: Share of the functions that may be longer.
LONG_SHARE = 0.02

#: Modules that are longer than they may be.
LONG: set[str] = {
    "answers/model.py",
    "runtimes/llama_cpp/read.py",
    "runtimes/transformers/attention.py",
    "runtimes/transformers/forward.py",
    "runtimes/transformers/runtime.py",
    "runtimes/vllm/cache.py",
    "runtimes/vllm/shards.py",
}
#: Modules that say a runtime's name outside its room.
NAMING: set[str] = {
    "answers/cautions.py",
    "answers/choose.py",
    "answers/command.py",
    "answers/estimate.py",
    "answers/explained.py",
    "answers/model.py",
    "answers/place.py",
    "answers/speed.py",
    "compile/registry.py",
    "fit/bounds.py",
    "formats/bpw.py",
    "formats/ladder.py",
    "formats/readers.py",
    "formats/recipe_file.py",
    "names.py",
    "render/views/estimate.py",
    "runtimes/__init__.py",
    "runtimes/architectures.py",
    "runtimes/hardware.py",
    "runtimes/interface.py",
    "speed/classes.py",
    "speed/table.py",
}
#: Classes whose names several rooms have.
SHARED_NAMES: set[str] = {
    "Attention",
    "Device",
    "Indexer",
    "Layout",
    "Mamba",
    "Mamba2",
    "Mlp",
    "Settings",
    "Tensor",
}
#: Modules with ``assert … is not None``.
ASSERTING: set[str] = {
    "answers/beside.py",
    "answers/catalogued.py",
    "answers/choose.py",
    "answers/compare.py",
    "answers/estimate.py",
    "answers/explained.py",
    "answers/model.py",
    "answers/offload.py",
    "answers/ollama.py",
    "answers/params.py",
    "answers/pooled.py",
    "answers/serve.py",
    "runtimes/llama_cpp/runtime.py",
    "runtimes/mlx/encoder.py",
    "runtimes/vllm/runtime.py",
    "sources/__init__.py",
}

RUNTIMES = {
    "llama.cpp": "runtimes/llama_cpp",
    "vllm": "runtimes/vllm",
    "sglang": "runtimes/sglang",
    "ollama": "runtimes/ollama",
    "transformers": "runtimes/transformers",
    "mlx": "runtimes/mlx",
    "exllama": "runtimes/exllama",
}


@cache
def trees() -> dict[str, ast.Module]:
    """Every module, by its path in the package."""
    found = sorted(SOURCE.rglob("*.py"))
    return {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in found}


def lines(module: str) -> int:
    return len((SOURCE / module).read_text(encoding="utf-8").splitlines())


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def words(tree: ast.Module) -> Iterator[str]:
    """String constants that are no prose: documentation is left out."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_no_module_is_too_long() -> None:
    assert {module for module in trees() if lines(module) > LONGEST_MODULE} == LONG


def test_few_functions_are_long() -> None:
    sizes = [(node.end_lineno or 0) - node.lineno + 1 for tree in trees().values() for node in functions(tree)]
    assert sum(size > LONGEST_FUNCTION for size in sizes) / len(sizes) <= LONG_SHARE


def test_a_runtime_is_named_in_its_own_room_alone() -> None:
    naming = {
        module
        for module, tree in trees().items()
        for word in words(tree)
        if word in RUNTIMES and not module.startswith(RUNTIMES[word])
    }
    assert naming == NAMING


def test_a_family_knows_no_other() -> None:
    """What several share stands in a module of theirs, whose name begins with an underscore."""
    room = "model/families/"
    modules = [module for module in trees() if module.startswith(room)]
    families = {name for module in modules if (name := module.removeprefix(room).removesuffix(".py"))[0] != "_"}
    imported = [
        (module, name)
        for module in modules
        for node in ast.walk(trees()[module])
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("llmscale.model.families")
        for name in (str(node.module).rpartition(".")[2], *(alias.name for alias in node.names))
    ]
    assert [pair for pair in imported if pair[1] in families] == []


def test_a_release_is_named_in_a_runtime_s_room_alone() -> None:
    release = re.compile(r"\b\d+\.\d+\.\d+\b|\bb\d{4,5}\b")
    outside = {
        module
        for module, tree in trees().items()
        if not module.startswith("runtimes/") and module != "__init__.py"
        for word in words(tree)
        if release.search(word)
    }
    assert outside == {"render/views/estimate.py"}


def test_a_column_is_found_by_its_key() -> None:
    numbered = [
        (module, node.lineno)
        for module, tree in trees().items()
        if module.startswith("render/views")
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("row", "rows", "columns")
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, int)
    ]
    assert numbered == []


def test_nothing_is_asserted_to_be_there() -> None:
    asserting = {
        module
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and "is not None" in ast.unparse(node)
    }
    assert asserting == ASSERTING


def test_a_class_name_means_one_thing() -> None:
    """Where a room imports from another one, no class of either has the name of one of the other."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms[node.name].add(room(module))
    sees = imports()
    shared = {name for name, among in rooms.items() if any(other in sees[one] for one in among for other in among)}
    assert shared == SHARED_NAMES


def room(module: str) -> str:
    """The room of a module: a folder of the package; of the runtimes each is one."""
    parts = module.removesuffix(".py").split("/")
    return "/".join(parts[:2]) if parts[0] == "runtimes" and len(parts) > 2 else parts[0]


@cache
def imports() -> dict[str, set[str]]:
    """The rooms that each one imports from, itself not among them."""
    found: dict[str, set[str]] = defaultdict(set)
    known = {module.removesuffix(".py").removesuffix("/__init__"): module for module in trees()}
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("llmscale."):
                base = node.module.removeprefix("llmscale.").replace(".", "/")
                targets = {f"{base}/{alias.name}" for alias in node.names} & known.keys() or {base} & known.keys()
                found[room(module)] |= {room(known[target]) for target in targets}
    for one, others in found.items():
        others.discard(one)
    return found
