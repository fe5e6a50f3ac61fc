"""The compiled data: remade when stale, used from a checkout that cannot be written to, refused when malformed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmscale.catalogue.summaries import Outline
from llmscale.compile import checkout as compile_checkout
from llmscale.compile.registry import RECIPES, SIZED, make
from llmscale.errors import InputFileError
from llmscale.formats.catalogue import quants
from llmscale.model.families import from_config
from llmscale.model.shape import Shape, shape_of
from llmscale.names import normal
from llmscale.store import tables as data
from llmscale.store.yaml_file import YamlFile
from tests.helpers import REPOSITORY, TINY_TOTAL, tiny

DEVICE = """
{id}:
  name: {id} card
  vendor: V
  kind: consumer
  released: 2020
  memory_gib: 8
  source: s
"""
MODEL = """
{id}:
  name: {id} model
  publisher: P
  modality: text
  licence: L
  open: true
  released: "2020"
  source: s
"""


def compile_table(name: str, path: str) -> dict[str, Any]:
    """The table of what stands in a file."""
    return make(name, YamlFile.read(path))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A checkout of its own, with one device, whose tables are made in this process."""
    sources = tmp_path / "data"
    sources.mkdir()
    monkeypatch.setattr(data, "COMPILED", str(tmp_path / "package" / "_data"))
    monkeypatch.setattr(data, "compiler", compile_checkout.made_here)
    monkeypatch.setattr(compile_checkout, "DATA", str(sources))
    here = SimpleNamespace(yaml=sources / "devices.yaml", compiled=tmp_path / "package" / "_data" / "devices.json")
    here.yaml.write_text(DEVICE.format(id="one"), encoding="utf-8")
    forget()
    yield here
    forget()


def forget() -> None:
    """What this process knows of tables and files."""
    data.table.cache_clear()
    data.changed.cache_clear()


def fresh(name: str = "devices") -> dict[str, Any]:
    """The table as a new process would see it."""
    forget()
    return data.table(name)


def later(path: Path) -> None:
    """Make `path` newer than anything."""
    stamp = max(path.stat().st_mtime_ns, *(p.stat().st_mtime_ns for p in path.parent.iterdir())) + 10**9
    os.utime(path, ns=(stamp, stamp))


def test_the_compiled_form_is_made_at_first_use(checkout: SimpleNamespace) -> None:
    assert list(fresh()["entries"]) == ["one"]
    assert list(json.loads(checkout.compiled.read_text(encoding="utf-8"))["data"]["entries"]) == ["one"]
    assert not list(checkout.compiled.parent.glob("*.json.*"))


def test_it_is_used_while_it_is_fresh(checkout: SimpleNamespace) -> None:
    fresh()
    stored = json.loads(checkout.compiled.read_text(encoding="utf-8"))
    stored["data"]["entries"]["one"]["name"] = "from the compiled form"
    checkout.compiled.write_text(json.dumps(stored), encoding="utf-8")
    assert fresh()["entries"]["one"]["name"] == "from the compiled form"


def test_it_is_remade_when_the_yaml_is_newer(checkout: SimpleNamespace) -> None:
    fresh()
    checkout.yaml.write_text(DEVICE.format(id="one") + DEVICE.format(id="two"), encoding="utf-8")
    later(checkout.yaml)
    assert list(fresh()["entries"]) == ["one", "two"]
    assert list(json.loads(checkout.compiled.read_text(encoding="utf-8"))["data"]["entries"]) == ["one", "two"]


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"data": 3}'])
def test_a_damaged_compiled_form_is_remade(checkout: SimpleNamespace, damage: str) -> None:
    fresh()
    checkout.compiled.write_text(damage, encoding="utf-8")
    assert list(fresh()["entries"]) == ["one"]


def test_a_checkout_that_cannot_be_written_to_works(checkout: SimpleNamespace) -> None:
    checkout.compiled.parent.parent.touch()  # a file stands where the folder should
    assert list(fresh()["entries"]) == ["one"]
    assert list(fresh()["entries"]) == ["one"]
    assert not checkout.compiled.exists()


def test_an_error_while_replacing_leaves_the_old_form(
    checkout: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh()
    before = checkout.compiled.read_text(encoding="utf-8")

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    checkout.yaml.write_text(DEVICE.format(id="two"), encoding="utf-8")
    later(checkout.yaml)
    assert list(fresh()["entries"]) == ["two"]
    assert checkout.compiled.read_text(encoding="utf-8") == before


def test_outside_a_checkout_only_the_compiled_form_is_read(
    checkout: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh()
    monkeypatch.setattr(data, "compiler", None)
    checkout.yaml.write_text("not: [yaml", encoding="utf-8")
    assert list(fresh()["entries"]) == ["one"]


def test_a_table_knows_what_it_was_made_with() -> None:
    found = compile_checkout.compiled("sizes_mlx")["made_with"]
    assert found == {path: data.changed(path) for path in found}
    for path in (
        "../../data/models.yaml",
        "../../data/quants.yaml",
        "../../data/formats.yaml",
        "model/families/llama.py",
        "model/blocks/mlp.py",
        "formats/weights.py",
        "compile/sizes.py",
    ):
        assert found[path], path
    assert not [path for path in found if path.startswith(("cli/", "render/", "runtimes/", "answers/"))]


def test_what_is_refused_is_said_by_the_process_that_makes_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "COMPILED", str(tmp_path / "compiled"))
    copy = tmp_path / "checkout" / "src" / "llmscale"
    shutil.copytree(data.PACKAGE, copy, ignore=shutil.ignore_patterns("_data", "__pycache__"))
    (tmp_path / "checkout" / "data").mkdir()
    (tmp_path / "checkout" / "data" / "devices.yaml").write_text("x: 5\n", encoding="utf-8")
    monkeypatch.setattr(data, "PACKAGE", str(copy))
    with pytest.raises(InputFileError, match="line 1: x: must be a mapping"):
        compile_checkout.compiled("devices")


def test_sizes_are_apart_by_every_runtime_that_reads_a_quant() -> None:
    assert set(SIZED) == {quant.runtime for quant in quants()}
    for runtime in SIZED:
        known = {quant.id for quant in quants() if quant.runtime == runtime}
        assert set().union(*data.table(f"sizes_{runtime}").values()) <= known


def test_every_yaml_file_is_made_into_a_table() -> None:
    read = {recipe.yaml for recipe in RECIPES.values() if recipe.yaml}
    assert read == {path.name for path in (REPOSITORY / "data").glob("*.yaml")}


# -- malformed data ----------------------------------------------------------------------------


def refusal(tmp_path: Path, table: str, text: str | bytes) -> str:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputFileError) as caught:
        compile_table(table, str(path))
    assert "mine.yaml" in caught.value.message
    return caught.value.message


def test_good_data_compiles(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DEVICE.format(id="Some-Card") + "  aliases: [the one]\n", encoding="utf-8")
    compiled = compile_table("devices", str(path))
    assert compiled["names"] == {"somecard": ["Some-Card"], "somecardcard": ["Some-Card"], "theone": ["Some-Card"]}
    assert compiled["entries"]["Some-Card"]["memory_gib"] == 8
    path.write_text(MODEL.format(id="m") + "  parameters: 1.1亿\n  training_tokens: 2T\n", encoding="utf-8")
    (entry,) = compile_table("models", str(path))["entries"].values()
    assert (entry["parameters"], entry["training_tokens"]) == (110_000_000, 2 * 10**12)
    assert entry["counted"] is None
    assert compile_table("outlines", str(path))["m"][4:] == [110_000_000, None, None, "", "", None, None]


def test_what_follows_from_a_config_is_compiled_with_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    hub = "  aliases: [some-org/My-Model-hf, some-org/My-Model-hf]\n"
    path.write_text(MODEL.format(id="m") + hub + f"  config: {json.dumps(tiny())}\n", encoding="utf-8")
    compiled = compile_table("models", str(path))
    assert compiled["entries"]["m"]["counted"] == TINY_TOTAL
    assert compiled["names"]["mymodelhf"] == compiled["names"][normal("some-org/My-Model-hf")] == ["m"]
    outline = Outline(*compile_table("outlines", str(path))["m"])
    assert (outline.id, outline.parameters, outline.active, outline.limit) == ("m", TINY_TOTAL, TINY_TOTAL, 512)
    assert outline.shape is not None
    assert Shape.from_json(outline.shape)._replace(llama_cpp=None, transformers=()) == shape_of(
        from_config(tiny(), "m")
    )
    assert compile_table("sizes_transformers", str(path))["m"]["fp16"] == [2 * TINY_TOTAL]
    path.write_text(MODEL.format(id="m"), encoding="utf-8")
    assert compile_table("outlines", str(path)) == compile_table("sizes_transformers", str(path)) == {}


def test_formats_compile(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("q4: {name: Q, bits: 4.5, planes: [[18, 32]], multiple: 32, source: s}\n", encoding="utf-8")
    assert compile_table("formats", str(path))["entries"]["q4"]["planes"] == [(18, 32, 1)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "magic"}, ["q", "kind is rules, or gguf"]),
        ({"preset": "Q4_0"}, ["q", "kind is rules, or gguf"]),
        ({"rules": {"linear": "int4"}}, ["q", "must say what '*' takes"]),
        ({"rules": {"*": "int5"}}, ["q", "no number format 'int5'"]),
        ({"narrow": "wide"}, ["q", "no number format 'wide'"]),
    ],
)
def test_a_quant_must_be_whole(tmp_path: Path, change: dict[str, object], words: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    good = {"name": "Q", "kind": "rules", "rules": {"*": "int4"}, "bits": 4, "runtime": "vllm", "activation_bytes": 2}
    path.write_text(json.dumps({"q": {**good, "source": "s"}}), encoding="utf-8")
    assert compile_table("quants", str(path))["entries"]["q"]["rules"] == {"*": "int4"}
    path.write_text(json.dumps({"q": {**good, "source": "s", **change}}), encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        compile_table("quants", str(path))
    assert all(word in caught.value.message for word in words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEVICE.format(id="x") + "  vendor: W\n", ["'vendor' is given twice"]),
        (DEVICE.format(id="x") + DEVICE.format(id="x"), ["'x' is given twice"]),
        (DEVICE.format(id="x").replace("memory_gib: 8", "memory_gib: eight"), ["x", "memory_gib", "number"]),
        (DEVICE.format(id="x").replace("  source: s\n", ""), ["x", "source", "required"]),
        (DEVICE.format(id="x") + "  aliases: 4\n", ["x", "aliases", "list"]),
        (DEVICE.format(id="x") + DEVICE.format(id="X"), ["'X' and 'x' are the same name"]),
        (DEVICE.format(id="x") + "  aliases: [y]\n" + DEVICE.format(id="y"), ["alias 'y' of 'x'"]),
        (DEVICE.format(id="5").replace('"', ""), ["5", "id"]),
        ("x: [1", ["cannot be read"]),
        ("- a\n- b\n", ["must map ids to entries"]),
        ("", ["must map ids to entries"]),
        (b"\xff\xfe\x00x", ["cannot be read"]),
    ],
)
def test_malformed_devices_name_file_entry_and_field(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    message = refusal(tmp_path, "devices", text)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("text", ["x: 5\n", "x:\n", "x: [1, 2]\n", "x: text\n"])
@pytest.mark.parametrize("table", ["devices", "models", "formats"])
def test_an_entry_that_is_no_mapping_is_named(tmp_path: Path, table: str, text: str) -> None:
    assert " x" in refusal(tmp_path, table, text)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("  bandwith_gb_s: 1008\n", "bandwith_gb_s"),
        ("  power_w: -450\n", "power_w"),
        ("  price_usd: .nan\n", "price_usd"),
        ("  gpu_share: 3\n", "gpu_share"),
    ],
)
def test_a_device_field_that_is_misspelt_or_out_of_bounds_is_named(tmp_path: Path, line: str, field: str) -> None:
    message = refusal(tmp_path, "devices", DEVICE.format(id="x") + line)
    assert "x" in message
    assert field in message


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("  parameters: 7Q\n", "parameters"),
        ("  parameters: -7\n", "parameters"),
        ("  paramters: 7B\n", "paramters"),
        ("  rumours: 5\n", "rumours"),
        ("  rumours: [{low: 1T}]\n", "rumours"),
        ("  config: 5\n", "config"),
        ("  config: {model_type: llama}\n", "hidden_size"),
        ("  config: {model_type: nosuch}\n", "nosuch"),
        ("  open: perhaps\n", "open"),
    ],
)
def test_a_malformed_model_is_named_with_its_field(tmp_path: Path, line: str, field: str) -> None:
    text = MODEL.format(id="thatone") + line
    if "open:" in line:
        text = text.replace("  open: true\n", "", 1)
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        compile_table("models", str(path))
    assert "thatone" in caught.value.message
    assert field in caught.value.message


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        compile_table("devices", "/nowhere/devices.yaml")
