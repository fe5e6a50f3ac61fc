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

from llmscale.runtimes.registry import ROOMS, infos

SOURCE = Path(__file__).parents[1] / "src" / "llmscale"
LONGEST_MODULE, LONGEST_FUNCTION = 300, 40
#: Share of the functions that may be longer.
LONG_SHARE = 0.02

#: Modules that are longer than others may be: tables of sentences.
LONG: set[str] = {"render/words/en.py", "render/words/zh.py"}
#: Modules that say a runtime's name outside its room; the registry has to.
NAMING: set[str] = {
    "formats/bpw.py",
    "formats/recipe_file.py",
    "names.py",
    "runtimes/registry.py",
    "speed/classes.py",
    "speed/table.py",
}
#: Modules that say the version of a format which they write.
FORMATS: set[str] = {"web/openapi.py"}
#: Classes whose names several rooms have.
SHARED_NAMES: set[str] = set()


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
    assert {module for module in trees() if lines(module) > LONGEST_MODULE} <= LONG


def test_few_functions_are_long() -> None:
    sizes = [(node.end_lineno or 0) - node.lineno + 1 for tree in trees().values() for node in functions(tree)]
    assert sum(size > LONGEST_FUNCTION for size in sizes) / len(sizes) <= LONG_SHARE


def test_every_module_says_what_it_is() -> None:
    assert [module for module, tree in trees().items() if not ast.get_docstring(tree)] == []


def test_a_runtime_is_named_in_its_own_room_alone() -> None:
    """Or in the room of a runtime that says it is another's front end."""
    naming = {
        module
        for module, tree in trees().items()
        for word in words(tree)
        if word in ROOMS and not module.startswith(tuple(f"runtimes/{ROOMS[name]}/" for name in speaking_of(word)))
    }
    assert naming == NAMING


def speaking_of(runtime: str) -> list[str]:
    return [info.name for info in infos() if runtime in (info.name, info.engine)]


def test_nothing_is_compared_with_a_runtime_s_name() -> None:
    comparing = [
        (module, node.lineno)
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.Compare, ast.MatchValue))
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and part.value in ROOMS and not module.startswith("runtimes/")
    ]
    assert comparing == []


def test_a_release_is_named_in_a_runtime_s_room_alone() -> None:
    release = re.compile(r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])|\bb\d{4,5}\b")  # four numbers are an address
    outside = {
        module
        for module, tree in trees().items()
        if not module.startswith("runtimes/") and module not in ("__init__.py", *FORMATS)
        for word in words(tree)
        if release.search(word)
    }
    assert outside == set()


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


def test_records_are_made_cheaply() -> None:
    """`llmscale.records` has dataclasses and named tuples that take a process less to make than the library's."""
    library = re.compile(r"^from (dataclasses|typing) import .*\b(dataclass|NamedTuple)\b", re.MULTILINE)
    assert [path for path in SOURCE.rglob("*.py") if library.search(path.read_text(encoding="utf-8"))] == []


def test_nothing_is_asserted_to_be_there() -> None:
    asserting = [
        (module, node.lineno)
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and "is not None" in ast.unparse(node)
    ]
    assert asserting == []


def test_a_class_name_means_one_thing() -> None:
    """Where a room imports from another one, no class of either has the name of one of the other."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms[node.name].add(room(module))
    sees: dict[str, set[str]] = defaultdict(set)
    for module, others in imports().items():
        sees[room(module)] |= {room(other) for other in others} - {room(module)}
    shared = {name for name, among in rooms.items() if any(other in sees[one] for one in among for other in among)}
    assert shared == SHARED_NAMES


def test_no_files_import_each_other_in_a_circle() -> None:
    """Also not by way of an import within a function; what is imported for its types alone is none."""
    circles: list[list[str]] = []
    done: set[str] = set()

    def visit(module: str, road: list[str]) -> None:
        if module in road:
            circles.append([*road[road.index(module) :], module])
        elif module not in done:
            for other in sorted(imports()[module]):
                visit(other, [*road, module])
            done.add(module)

    for module in trees():
        visit(module, [])
    assert circles == []


def test_families_do_not_know_each_other() -> None:
    """What several share is in modules that begin with an underscore."""
    folder = "model/families/"
    families = {module for module in trees() if re.fullmatch(rf"{folder}[a-z0-9]\w*\.py", module)}
    assert len(families) > 100
    assert {(one, other) for one in families for other in imports()[one] & families} == set()


def room(module: str) -> str:
    """The room of a module: a folder of the package; of the runtimes each is one."""
    parts = module.removesuffix(".py").split("/")
    return "/".join(parts[:2]) if parts[0] == "runtimes" and len(parts) > 2 else parts[0]


@cache
def imports() -> dict[str, set[str]]:
    """The modules of the package that each one imports, itself not among them."""
    found: dict[str, set[str]] = {}
    known = {module.removesuffix(".py").removesuffix("/__init__"): module for module in trees()}
    for module, tree in trees().items():
        for_types = {
            id(node)
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
            for node in ast.walk(block)
        }
        targets: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
                base = node.module.removeprefix("llmscale").lstrip(".").replace(".", "/")
                if node.module.startswith("llmscale"):
                    targets |= {f"{base}/{alias.name}".lstrip("/") for alias in node.names} & known.keys() or (
                        {base} & known.keys()
                    )
        found[module] = {known[target] for target in targets} - {module}
    return found
