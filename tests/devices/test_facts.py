"""What every device of `data/devices.yaml` says of itself, so that nothing need go by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import llmscale
from llmscale.devices.device import Device, LinkKind, MemoryKind, entries
from llmscale.devices.sets import device_set
from llmscale.devices.topology import LANE_GB_S
from llmscale.store.tables import table

DEVICES = list(entries())
SOURCE = Path(llmscale.__file__).parent
#: Calls that tell texts apart by how they are spelt.
SPELLING = ("startswith", "endswith", "match", "fullmatch", "search", "findall", "sub", "compile")
#: Names of devices that a module says since what it models goes by them: vLLM by what the driver calls a device.
#: An example of what to type is one as well.
SAID = {"runtimes/vllm/started.py": {"a100", "gb10"}, "cli/plot.py": {"rtx4090"}}


def test_every_device_says_what_its_memory_is_and_of_which_generation_it_is() -> None:
    for device in DEVICES:
        assert device.memory_kind in get_args(MemoryKind), device.id
        assert device.generation, device.id


def test_targets_are_those_that_rocminfo_prints() -> None:
    by_id = {device.id: device for device in DEVICES}
    for target, ids in table("device_names")["targets"].items():
        assert {by_id[one].target for one in ids} <= {target, ""}, target
    for device in DEVICES:
        assert not device.target or device.vendor == "AMD", device.id
        if device.generation in ("CDNA2", "CDNA3", "CDNA4", "RDNA3", "RDNA3.5", "RDNA4"):
            assert device.target.startswith("gfx"), device.id


def test_every_device_says_what_links_it() -> None:
    for device in DEVICES:
        link = device.link
        assert link is not None, device.id
        assert link.kind in get_args(LinkKind), device.id
        if link.kind == "pcie":
            assert link.pcie in LANE_GB_S, device.id
            assert link.lanes in (1, 4, 8, 16), device.id
            assert link.gb_s is None, device.id
        if link.kind in ("switch", "bridge"):
            assert link.name, device.id
            assert link.gb_s, device.id
        if link.bridge_gb_s:
            assert link.kind == "pcie", device.id


def test_unified_memory_is_no_card() -> None:
    unified = [device for device in DEVICES if device.kind == "unified"]
    assert unified
    assert {device.link and device.link.kind for device in unified} <= {"none", "fabric"}
    assert all((device.memory_kind or "").partition("LPDDR")[1] for device in unified)


def test_nvidias_say_how_many_threads_they_hold() -> None:
    by_capability: dict[float, set[int]] = {}
    for device in DEVICES:
        assert (device.threads_per_sm is not None) == (device.vendor == "NVIDIA"), device.id
        if device.threads_per_sm and device.compute_capability:
            by_capability.setdefault(device.compute_capability, set()).add(device.threads_per_sm)
    assert all(len(threads) == 1 for threads in by_capability.values())
    # CUDA's table: Turing holds half of what Volta does, Ampere's and Ada's cards three quarters.
    expected = {7.0: 2048, 7.5: 1024, 8.0: 2048, 8.6: 1536, 8.9: 1536, 9.0: 2048, 12.0: 1536}
    assert expected.items() <= {capability: threads for capability, (threads,) in by_capability.items()}.items()


@pytest.mark.parametrize(
    ("name", "memory", "generation"),
    [
        ("rtx2080ti", "GDDR6", "Turing"),
        ("rtx3090", "GDDR6X", "Ampere"),
        ("rtx4090", "GDDR6X", "Ada"),
        ("rtx5090", "GDDR7", "Blackwell"),
        ("a100-40gb", "HBM2", "Ampere"),
        ("a100-80gb", "HBM2e", "Ampere"),
        ("h100", "HBM3", "Hopper"),
        ("h100-pcie", "HBM2e", "Hopper"),
        ("h200", "HBM3e", "Hopper"),
        ("rx7900xtx", "GDDR6", "RDNA3"),
        ("mi300x", "HBM3", "CDNA3"),
        ("m1", "LPDDR4X", "M1"),
        ("m3-max", "LPDDR5", "M3"),
        ("m4-max", "LPDDR5X", "M4"),
        ("arc-b580", "GDDR6", "Xe2"),
    ],
)
def test_known_devices(name: str, memory: str, generation: str) -> None:
    (device,) = [device for device in DEVICES if device.id == name]
    assert (device.memory_kind, device.generation) == (memory, generation)


def test_a_driver_s_name_leads_to_its_device() -> None:
    named = [device for device in DEVICES if device.driver_name]
    assert named
    assert all(device_set(device.driver_name).id == device.id for device in named)


def test_what_is_recalled_is_a_field() -> None:
    fields = set(Device.__dataclass_fields__)
    assert all(set(device.recalled) <= fields for device in DEVICES)


# ---- no rule goes by a name ----


@cache
def trees() -> dict[str, ast.Module]:
    """Every module, by its path in the package."""
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in SOURCE.rglob("*.py")
    }


def said(tree: ast.Module) -> Iterator[str]:
    """String constants that are no prose: those with a space in them, and documentation, are left out."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            yield from () if id(node) in docs else (node.value,)


def spelt(text: str) -> Iterator[str]:
    """The words of a constant or of a pattern."""
    for apart in "^$|()[]{}?*+\\,;:/'\"=<>&#.":
        text = text.replace(apart, " ")
    yield from text.lower().split()


def test_no_module_says_a_device_s_name() -> None:
    names = {name for name in table("devices")["names"] if any(map(str.isdigit, name)) and not name.isdigit()}
    found: dict[str, set[str]] = {}
    for module, tree in trees().items():
        words = {word.strip("-").replace("-", "") for text in said(tree) for word in spelt(text)}
        if both := words & names:
            found[module] = both
    assert found == SAID


def test_no_rule_goes_by_how_an_id_of_a_device_is_spelt() -> None:
    telling = [
        (module, node.lineno)
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SPELLING
        for part in (node.func.value, *node.args)
        for inner in ast.walk(part)
        if isinstance(inner, ast.Attribute)
        and inner.attr in ("id", "ids")
        and isinstance(inner.value, ast.Name)
        and inner.value.id in ("device", "devices", "kind", "member", "card", "known")
    ]
    assert telling == []
