"""Files of PyTorch: shapes and bytes from the pickle, which is never executed; whatever else is in it is refused."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscale import load
from llmscale.errors import InputFileError
from llmscale.sources.checkpoint import members, pickled, pytorch
from llmscale.sources.stores.folders import models_in
from llmscale.sources.stores.interface import KeptModel, Kind
from tests.helpers import TINY, TINY_TOTAL, Answer, error_of, good, run
from tests.pytorch_files import Call, Data, Name, old, state, tensor, written, zipped
from tests.safetensors_files import write
from tests.sources.checkpoint.test_files import TENSORS

BYTES = 2 * TINY_TOTAL
FORMS = pytest.mark.parametrize("form", [zipped, old])
SMALL = {"a.weight": ("F32", (4, 8)), "b": ("I64", (3,))}


def put(folder: Path, raw: bytes, name: str = "pytorch_model.bin") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return str(path)


def weights(path: str) -> int:
    line = good("estimate", path, "-o", "json").json()["estimates"][0]
    assert (line["quant"], line["basis"]["weights"]) == ("as-stored", "exact")
    return int(line["weights_bytes"])


def total(path: str) -> int:
    return int(good("params", path, "-o", "json").json()["parameters"]["total"])


def refused(path: str) -> Answer:
    said = run("estimate", path)
    assert said.status == 4, said
    assert all(line.isprintable() for line in said.err.splitlines())
    return said


@FORMS
@pytest.mark.parametrize("config", [True, False])
def test_bytes_and_parameters(tmp_path: Path, form: Callable[..., bytes], config: bool) -> None:
    path = put(tmp_path, written(TENSORS, form))
    if config:
        (tmp_path / "config.json").write_text(json.dumps(TINY))
    for reference in (path, str(tmp_path)):
        assert (weights(reference), total(reference)) == (BYTES, TINY_TOTAL)


@FORMS
@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "I64", "U8"])
def test_bytes_by_type(tmp_path: Path, form: Callable[..., bytes], kind: str) -> None:
    sizes = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1}
    assert weights(put(tmp_path, written({"w.weight": (kind, (3, 5))}, form), "x.pt")) == 15 * sizes[kind]


def test_shards(tmp_path: Path) -> None:
    where = {}
    for number in range(3):
        part = {name: TENSORS[name] for name in list(TENSORS)[number::3]}
        called = f"pytorch_model-{number + 1:05d}-of-00003.bin"
        where.update(dict.fromkeys(part, called))
        put(tmp_path, written(part), called)
    assert weights(str(tmp_path)) == BYTES
    index = put(tmp_path, json.dumps({"weight_map": where}).encode(), "pytorch_model.bin.index.json")
    assert (weights(index), weights(str(tmp_path))) == (BYTES, BYTES)
    (tmp_path / called).unlink()
    assert "missing" in refused(index).err


def test_no_index_leads_out(tmp_path: Path) -> None:
    path = put(tmp_path, b'{"weight_map": {"a": "../../etc/passwd"}}', "pytorch_model.bin.index.json")
    assert "no file beside it" in refused(path).err


def test_safetensors_come_first_and_other_files_are_let_be(tmp_path: Path) -> None:
    put(tmp_path, b"nonsense")
    put(tmp_path, b"nonsense", "training_args.bin")
    write(tmp_path, TENSORS)
    assert weights(str(tmp_path)) == BYTES


def test_a_tied_head_is_there_once(tmp_path: Path) -> None:
    data = Data("0", "F16", 6)
    value = OrderedDict({"embed.weight": tensor(data, (2, 3)), "lm_head.weight": tensor(data, (2, 3))})
    path = put(tmp_path, zipped(value, [data]))
    assert (weights(path), total(path)) == (12, 6)


def test_views_of_one_storage(tmp_path: Path) -> None:
    data = Data("0", "F32", 10)
    value = {"a": tensor(data, (4,)), "b": tensor(data, (2, 3), 4), "c": tensor(data, (3, 2), 4, (1, 3))}
    assert weights(put(tmp_path, zipped(value, [data]))) == 4 * (4 + 6 + 6)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "module"])
def test_what_a_training_program_keeps_besides_is_left_out(tmp_path: Path, key: str) -> None:
    inner, data = state(SMALL)
    more = Data("9", "F32", 100)
    value = {"epoch": 3, key: inner, "optimizer": {"state": {0: {"exp_avg": tensor(more, (100,))}}}}
    assert weights(put(tmp_path, zipped(value, [*data, more]), "x.ckpt")) == 4 * 32 + 8 * 3


def test_dicts_in_dicts(tmp_path: Path) -> None:
    inner, data = state(SMALL)
    path = put(tmp_path, zipped({"encoder": {"layers": inner}, "step": 1, "names": ["a", {"b"}]}, data))
    lines = good("params", path, "-o", "json").json()["tensors"]
    assert {line["name"] for line in lines} == {"encoder.layers.a.weight", "encoder.layers.b"}


def test_parameters_types_and_states(tmp_path: Path) -> None:
    """As torch writes parameters, subclasses of tensors, float8, and dicts with attributes."""
    half, bits = Data("0", "F16", 4), Data("1", "U8", 8)
    plain = tensor(half, (2, 2))
    untyped = Call(
        "torch._utils", "_rebuild_tensor_v3", bits, 0, (8,), (1,), False, OrderedDict(), Name("torch", "float8_e4m3fn")
    )
    value = {
        "a": Call("torch._utils", "_rebuild_parameter", plain, True, OrderedDict()),
        "b": Call(
            "torch._tensor",
            "_rebuild_from_type_v2",
            Name("torch._utils", "_rebuild_tensor_v2"),
            Name("torch", "Tensor"),
            (half, 2, (2,), (1,), False, OrderedDict()),
            {},
        ),
        "c": untyped,
        "d": Call("torch", "Size", [1, 2]),
        "e": Call("torch", "device", "cpu"),
        "f": Call("collections", "defaultdict", Name("builtins", "dict")),
        "g": Call("collections", "OrderedDict", [["w", plain], [("no", "name"), 1], 3]),
    }
    path = put(tmp_path, zipped(value, [half, bits]))
    assert weights(path) == 8 + 4 + 8
    assert "F8_E4M3" in str(load(path).stored)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_values_of_every_protocol_are_passed_over(tmp_path: Path, protocol: int) -> None:
    value = {
        "text": "x" * 300,
        "short": "y",
        "bytes": b"z",
        "many": b"z" * 300,
        "numbers": [1, 300, 1 << 20, 1 << 40, -1, 1.5, None, True, False],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "lists": [[], [1]],
        "set": {1, 2},
    }
    raw = pickle.dumps(value, protocol)
    assert "holds no tensors" in refused(put(tmp_path, zipped(None, [], raw))).err


EVIL = [
    ("posix", "system"),
    ("os", "system"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("torch", "load"),
    ("torch._utils", "_rebuild_qtensor"),
    ("__torch__", "Model"),
    ("torch.storage", "_load_from_bytes"),
]


@FORMS
@pytest.mark.parametrize(("module", "name"), EVIL)
def test_no_call_is_made(tmp_path: Path, form: Callable[..., bytes], module: str, name: str) -> None:
    touched = tmp_path / "touched"
    _, data = state(SMALL)
    path = put(tmp_path, form({"a": Call(module, name, f"touch {touched}")}, data))
    assert f"{module}.{name}" in refused(path).err
    assert not touched.exists()


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_python_would_obey(tmp_path: Path, protocol: int) -> None:
    touched = tmp_path / "touched"
    raw = pickle.dumps({"a": Evil(touched)}, protocol)
    refused(put(tmp_path, zipped(None, [], raw), "a.bin"))
    refused(put(tmp_path, raw, "b.pt"))
    assert not touched.exists()


def opcodes(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


LAUGHS = b"}q\x00" + b"".join(
    b"}q"
    + bytes([n + 1])
    + b"("
    + b"".join(b"X\x01\0\0\0" + letter + b"h" + bytes([n]) for letter in (b"a", b"b"))
    + b"u"
    for n in range(40)
)
DEEP = b"}" + b"X\x01\0\0\0a}" * 400 + b"s" * 400
PICKLES = {
    "nothing": b"",
    "no end": b"\x80\x02}",
    "bad opcode": b"\x80\x02\xff.",
    "empty stack": opcodes(b"t"),
    "pop of nothing": opcodes(b"0"),
    "memo of nothing": opcodes(b"h\x07"),
    "no mark": opcodes(b"}u"),
    "odd items": opcodes(b"}(K\x01u"),
    "number of 5,000 digits": opcodes(b"L" + b"9" * 5000 + b"L\n"),
    "text of 2^62 bytes": opcodes(b"\x8d" + struct.pack("<Q", 1 << 62)),
    "call of a number": opcodes(b"K\x01)R"),
    "a new object": opcodes(b"cx\ny\n)\x81"),
    "an extension": opcodes(b"\x82\x01"),
    "an id that is none": opcodes(b"K\x01Q"),
    "a text for an id": b"Pabc\n.",
    "a list": opcodes(b"]"),
    "itself in itself": opcodes(b"}q\x00X\x01\0\0\0ah\x00s"),
    "laughs": opcodes(LAUGHS),
    "deep": opcodes(DEEP),
    "too many opcodes": opcodes(b"N0" * (pickled.MOST_OPCODES // 2 + 1)),
    "an unhashable key": opcodes(b"}]K\x01s"),
    "tuples without end for a key": opcodes(b"}" + b"N" + b"2\x86" * 60 + b"K\x01s"),
}


@pytest.mark.parametrize("name", PICKLES)
def test_hostile_pickles(tmp_path: Path, name: str) -> None:
    refused(put(tmp_path, zipped(None, [], PICKLES[name])))


BAD = {
    "no data": Call("torch._utils", "_rebuild_tensor_v2", 1, 0, (1,), (1,), False, OrderedDict()),
    "too few arguments": Call("torch._utils", "_rebuild_tensor_v2", Data("0", "F32", 4)),
    "no arguments": Call("torch._utils", "_rebuild_parameter"),
    "larger than its data": tensor(Data("0", "F32", 4), (2, 3)),
    "behind its data": tensor(Data("0", "F32", 4), (2,), 3),
    "strides beyond its data": tensor(Data("0", "F32", 4), (2, 2), 0, (3, 1)),
    "wider than its data": tensor(Data("0", "F32", 4), (1 << 40,), 0, (0,)),
    "negative": tensor(Data("0", "F32", 4), (-1,), 0, (1,)),
    "no number": tensor(Data("0", "F32", 4), ("a",), 0, (1,)),
    "2^62": tensor(Data("0", "F32", 4), (1 << 62,), 0, (1,)),
    "fewer strides": tensor(Data("0", "F32", 4), (2, 2), 0, (1,)),
    "many axes": tensor(Data("0", "F32", 4), (1,) * 40),
    "no shape": Call("torch._utils", "_rebuild_tensor_v2", Data("0", "F32", 4), 0, 4, (1,), False, OrderedDict()),
    "no such type": Call(
        "torch._utils",
        "_rebuild_tensor_v3",
        Data("0", "U8", 4),
        0,
        (4,),
        (1,),
        False,
        OrderedDict(),
        Name("torch", "quint8"),
    ),
    "of another size": tensor(Data("1", "F32", 4), (4,)),
}


@pytest.mark.parametrize("name", BAD)
def test_tensors_that_there_cannot_be(tmp_path: Path, name: str) -> None:
    data = [Data("0", "U8" if name == "no such type" else "F32", 4), Data("1", "F32", 5)]
    refused(put(tmp_path, zipped({"a": BAD[name]}, data)))


IDS = {
    "short": b"(U\x07storageK\x01t",
    "module": b"(U\x06moduleK\x01K\x01K\x01K\x01t",
    "no type": b"(U\x07storageK\x01U\x010U\x03cpuK\x01t",
    "another type": b"(U\x07storagectorch\nQInt8Storage\nU\x010U\x03cpuK\x01t",
    "another module": b"(U\x07storagecevil\nFloatStorage\nU\x010U\x03cpuK\x01t",
    "no key": b"(U\x07storagectorch\nFloatStorage\nK\x00U\x03cpuK\x01t",
    "a view": b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01K\x01t",
    "negative": b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuJ\xff\xff\xff\xfft",
}


@pytest.mark.parametrize("name", IDS)
def test_data_that_there_cannot_be(tmp_path: Path, name: str) -> None:
    refused(put(tmp_path, zipped(None, [], opcodes(IDS[name], b"Q"))))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"),
        (b"lmgg" + b"\0" * 50, "GGML"),
        (b"tjgg" + b"\0" * 50, "GGML"),
        (b"GGUF" + b"\0" * 50, ".gguf"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"<html>", "neither"),
        (pickle.dumps({"a": 1}, 2), "something else"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(999, 2), "something else"),
        (b"PK\3\4", "damaged"),
        (b"PK\3\4" + b"PK\5\6" + b"\xff" * 18, "damaged"),
        (b"PK\3\4" + b"PK\5\6" + b"\0" * 4, "damaged"),
    ],
)
def test_other_files(tmp_path: Path, raw: bytes, why: str) -> None:
    assert why in refused(put(tmp_path, raw, "x.bin")).err


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, raw in files.items():
            made.writestr(name, raw)
    return file.getvalue()


def test_archives_of_other_things(tmp_path: Path) -> None:
    assert "no data.pkl" in refused(put(tmp_path, archive({"word/document.xml": b"x"}))).err
    bomb = archive({"a/data.pkl": b"\0" * 1_000_000}, zipfile.ZIP_DEFLATED)
    assert "packed" in refused(put(tmp_path, bomb)).err


def test_a_pickle_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytorch, "MOST_PICKLE", 100)
    assert "packed" in refused(put(tmp_path, written(TENSORS))).err
    assert "damaged" in refused(put(tmp_path, written(TENSORS, old))).err


def test_a_directory_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MOST_DIRECTORY", 100)
    assert "damaged" in refused(put(tmp_path, written(TENSORS))).err


def test_data_that_is_missing(tmp_path: Path) -> None:
    value, data = state(SMALL)
    assert "24 bytes of the data '1'" in refused(put(tmp_path, zipped(value, data[:1]))).err


def test_an_old_file_cut_short_is_said(tmp_path: Path) -> None:
    raw = written(SMALL, old)
    path = put(tmp_path, raw[:-10])
    assert "10 bytes of tensors are missing" in good("estimate", path).out
    assert "cut short" not in good("estimate", put(tmp_path, raw)).out


def wide(raw: bytes) -> bytes:
    """An archive with Zip64's fields, as torch writes one above 4 GB."""
    file = io.BytesIO(raw)
    entries = members.members(file)
    start = raw.index(b"PK\1\2")
    made = b""
    for entry in entries.values():
        name = entry.name.encode()
        extra = struct.pack("<HHHHH", 9, 2, 0, 1, 24) + struct.pack("<QQQ", entry.size, entry.packed, entry.at)
        fixed = b"PK\1\2" + b"\0" * 16 + b"\xff" * 8 + struct.pack("<HHH", len(name), len(extra), 0)
        made += fixed + b"\0" * 8 + b"\xff" * 4 + name + extra
    end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 0, 0, 0, 0, len(entries), len(entries), len(made), start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, start + len(made), 1)
    return raw[:start] + made + end + locator + b"PK\5\6" + b"\0" * 8 + b"\xff" * 8 + b"\0\0"


def test_zip64(tmp_path: Path) -> None:
    raw = wide(written(TENSORS))
    assert weights(put(tmp_path, raw)) == BYTES
    assert "damaged" in refused(put(tmp_path, raw.replace(b"PK\6\6", b"PK\6\5"))).err
    assert "damaged" in refused(put(tmp_path, raw.replace(struct.pack("<HH", 1, 24), struct.pack("<HH", 2, 24)))).err


def test_a_local_header_that_is_none(tmp_path: Path) -> None:
    raw = archive({"a/version": b"3", "a/data.pkl": pickle.dumps({}, 2)})
    at = raw.rindex(b"PK\3\4")
    assert "damaged" in refused(put(tmp_path, raw[:at] + b"PK\3\5" + raw[at + 4 :])).err


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refused(str(tmp_path / "x.bin")).err
    assert run("estimate", "nosuchthing.bin").status == 3
    (tmp_path / "d.bin").mkdir()
    assert "holds no tensors" in refused(str(tmp_path / "d.bin")).err


def test_more_values_than_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytorch, "MOST_VALUES", 1)
    assert "more than 1 values" in refused(put(tmp_path, written(SMALL))).err


def test_control_characters_do_not_reach_the_screen(tmp_path: Path) -> None:
    path = put(tmp_path, zipped({"a": Call("evil\x1b[31m", "\x07x", 1)}, []))
    assert "\x1b" not in refused(path).err
    assert "\x1b" not in good("params", put(tmp_path, written({"\x1b[31m.weight": ("F32", (2,))}))).out


RAW = [written(SMALL), written(SMALL, old)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(RAW), st.data())
def test_damaged_bytes_give_a_model_or_a_refusal(tmp_path: Path, raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw)))
    wound = data.draw(st.binary(max_size=6))
    path = put(tmp_path, raw[:at] + wound + raw[at + data.draw(st.integers(0, 6)) :], "x.bin")
    assert isinstance(error_of(lambda: load(path)), InputFileError | None)


def test_the_disk_says_which(tmp_path: Path) -> None:
    put(tmp_path, written(SMALL))
    assert [one.kind for one in models_in(str(tmp_path)) if isinstance(one, KeptModel)] == [Kind.PYTORCH]


MANY = b"(" + b"K\1" * 100_000
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
AGAIN = b"ctorch._tensor\n_rebuild_from_type_v2\n"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (MANY + b"tq\0" + b"ccollections\nOrderedDict\nh\0\x85R0" * 20_000, "handed more than 300,000 values"),
        (MANY + b"lq\0" + b"ctorch\nSize\nh\0\x85R" * 20_000, "more axes than there can be"),
        (
            MANY + b"tq\0" + TENSOR + b"((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000NK\1tQK\0h\0h\0tR",
            "more axes than there can be",
        ),
        (AGAIN + b"q\0h\0N" + b")" + b"\x87q\1" + b"h\0Nh\1\x87q\1" * 5_000 + b"h\0h\1R", "something else than torch"),
    ],
)
def test_a_pickle_that_makes_work_without_end_is_refused(tmp_path: Path, raw: bytes, why: str) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(zipped(None, [], b"\x80\2" + raw + b"."))
    answer = run("params", str(path))
    assert (answer.status, answer.out) == (4, "")
    assert why in answer.err
