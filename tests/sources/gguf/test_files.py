"""A GGUF file is counted by its own tensors: every byte and parameter, whatever the architecture and the byte order."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscale import load
from llmscale.errors import InputFileError
from llmscale.fit.subject import model_of
from llmscale.formats.gguf import assign_preset, convert
from llmscale.formats.gguf.ranks import file_shape
from llmscale.model.inventory import inventory
from llmscale.sources.catalogue import load as of_catalogue
from llmscale.sources.gguf.types import TYPES
from llmscale.sources.interface import Loaded
from tests.gguf_files import KINDS, Written, about, gguf_bytes, llama, write
from tests.helpers import run

TENSORS = llama()
BYTES = sum(each.bytes for each in TENSORS)
PARAMETERS = sum(prod(each.shape) for each in TENSORS)


def answer(*arguments: str) -> dict:  # type: ignore[type-arg]
    said = run(*arguments, "-o", "json")
    assert said.status == 0, said.err
    found: dict = said.json()  # type: ignore[type-arg]
    return found


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("arch", ["llama", "nobody-knows"])
def test_bytes_and_parameters(tmp_path: Path, version: int, little: bool, arch: str) -> None:
    path = write(tmp_path / "a.gguf", about(arch), TENSORS, version=version, little=little)
    line = answer("estimate", path)["estimates"][0]
    assert (line["quant"], line["weights_bytes"], line["runtime"]) == ("as-stored", BYTES, "llama.cpp")
    assert line["basis"]["weights"] == "exact"
    assert line["file_bytes"] == Path(path).stat().st_size
    assert answer("params", path)["parameters"]["total"] == PARAMETERS


def test_cache_of_an_unknown_architecture_is_that_of_its_heads(tmp_path: Path) -> None:
    known = write(tmp_path / "a.gguf", about(), TENSORS)
    other = write(tmp_path / "b.gguf", about("nobody-knows"), TENSORS)
    lines = [answer("estimate", path, "-c", "1024")["estimates"][0] for path in (known, other)]
    assert [line["kv_cache_bytes"] for line in lines] == [2 * 2 * 1024 * 2 * 64 * 2] * 2
    assert [line["basis"]["kv_cache"] for line in lines] == ["exact", "modelled"]


def test_the_other_commands_take_it_as_well(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf", about(), TENSORS)
    assert answer("fits", "rtx4090", "--model", path)["models"][0]["quant"] == "as-stored"
    assert answer("needs", path)["quants"] == ["as-stored"]
    # A recipe can be asked for all the same: it goes by the model's shapes.
    assert answer("estimate", path, "-q", "f16")["estimates"][0]["weights_bytes"] > BYTES


def test_split_files_and_folders(tmp_path: Path) -> None:
    half = len(TENSORS) // 2
    for number, part in enumerate((TENSORS[:half], TENSORS[half:]), 1):
        write(tmp_path / f"m-0000{number}-of-00002.gguf", about() if number == 1 else {}, part)
    for named in (tmp_path / "m-00001-of-00002.gguf", tmp_path / "m-00002-of-00002.gguf", tmp_path):
        assert answer("estimate", str(named))["estimates"][0]["weights_bytes"] == BYTES
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    said = run("estimate", str(tmp_path / "m-00001-of-00002.gguf"))
    assert said.status == 4
    assert "m-00002-of-00002.gguf" in said.err


def test_a_folder_of_several_models_lists_them(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf", "mmproj-a.gguf"):
        write(tmp_path / name, about(), TENSORS)
    said = run("estimate", str(tmp_path))
    assert (said.status, "a.gguf, b.gguf" in said.err, "mmproj" in said.err) == (4, True, False)


def test_vocabulary_and_template_are_said(tmp_path: Path) -> None:
    more = {"tokenizer.ggml.tokens": ["a", "bc"] * 3, "tokenizer.chat_template": "{{ x }}"}
    path = write(tmp_path / "a.gguf", about() | more, TENSORS)
    said = run("params", path).out
    assert "vocabulary of 6 tokens (9 bytes)" in said
    assert "chat template of 7 bytes" in said


def test_a_file_that_ends_before_its_tensors_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf", about(), TENSORS, data=False)
    said = run("estimate", path)
    assert said.status == 0
    assert "cut short" in said.out
    assert answer("estimate", path)["estimates"][0]["weights_bytes"] == BYTES


NAMES = {kind.form: kind.name for kind in TYPES.values() if kind.form}
#: One model each of kinds that differ: plain, tied, biased, mixture, MLA, windows, recurrent, by the catalogue alone.
MODELS = (
    "llama-3.1-8b",
    "qwen2.5-0.5b",
    "qwen3-30b-a3b",
    "mixtral-8x7b",
    "gemma-2-2b",
    "deepseek-v3",
    "gpt-oss-20b",
    "phi-3-mini-4k",
    "qwen3-next-80b-a3b",
    "jamba-v0.1",
    "gpt2",
)


@pytest.mark.parametrize("model", MODELS)
def test_a_published_model_is_found_by_its_tensors(tmp_path: Path, model: str) -> None:
    spec = of_catalogue(model).known()
    parts = inventory(spec)
    made = convert(spec, parts)
    stored = assign_preset("Q4_K_M", spec, parts)
    KINDS.update({kind.name: (number, kind.block, kind.bytes) for number, kind in TYPES.items()})
    tensors = [
        Written(each.group.name.replace("{layer}", str(layer)), file_shape(each.group), NAMES[each.form.id])
        for each in stored
        for layer in each.group.layers or (0,)
    ]
    said = about(made.arch, spec.layers, spec.hidden_size)
    path = write(tmp_path / "a.gguf", said, tensors, data=False)
    found = load(path)
    assert isinstance(found, Loaded)
    assert found.stored is not None
    assert found.spec.family
    assert model_of(found.spec, found.stored).weights(found.stored).value == sum(each.bytes for each in stored)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2000), raw=st.binary(min_size=1, max_size=12), cut=st.integers(0, 3000))
def test_damaged_headers_are_an_answer_or_one_refusal(tmp_path: Path, at: int, raw: bytes, cut: int) -> None:
    good = gguf_bytes(about(), TENSORS, data=False)
    path = tmp_path / "a.gguf"
    path.write_bytes((good[:at] + raw + good[at + len(raw) :])[: cut or None])
    said = ""
    try:
        load(str(path))
    except InputFileError as error:
        said = error.message
    assert len(said) < 400
    assert said.isprintable()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"GGML" + b"\0" * 60, "no GGUF"),
        (b"GGUF\x01\0\0\0" + b"\0" * 16, "version 1"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 16, "tensors"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 7 + b"\xff" * 8, "bytes of one text"),
        (gguf_bytes(about(), [])[:200], "ends inside"),
        (gguf_bytes(about(), []), "0 tensors"),
        (gguf_bytes(about(), [TENSORS[0], TENSORS[0]]), "twice"),
        (gguf_bytes({"general.alignment": 7}, TENSORS), "power of two"),
        (gguf_bytes(about(layers=1 << 30), TENSORS), "1,073,741,824 layers"),
    ],
)
def test_refusals(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    said = run("estimate", str(path))
    assert (said.status, said.out) == (4, "")
    assert word in said.err
    assert len(said.err) < 500


def test_names_of_the_file_cannot_drive_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf", about("ev\x1b]0;il\x07") | {"general.name": "a\x1b[31m\nb"}, TENSORS)
    for command in ("params", "estimate"):
        said = run(command, path)
        assert "\x1b" not in said.out + said.err
        assert "\\x1b[31m\\nb" in said.out
