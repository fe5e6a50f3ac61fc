"""Files as ``torch.save`` writes them, after github.com/pytorch/pytorch: torch/serialization.py, without torch.

The classes below stand for torch's: they are pickled by its names, which is all that a pickle has of them.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

#: Class of a storage and bytes of an element.
KINDS = {
    "F32": ("FloatStorage", 4),
    "F16": ("HalfStorage", 2),
    "BF16": ("BFloat16Storage", 2),
    "I64": ("LongStorage", 8),
    "U8": ("ByteStorage", 1),
}


class Name:
    """A name of a module that is not here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Data(NamedTuple):
    """A storage."""

    key: str
    kind: str
    elements: int


class Call:
    """A function of a name, called when it is unpickled."""

    def __init__(self, module: str, name: str, *arguments: Any) -> None:
        self.called, self.arguments = Name(module, name), arguments


class Pickler(pickle._Pickler):
    """As torch has one: storages by a persistent id, names as they are."""

    old = False

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Data):
            return None
        found = ("storage", Name("torch", KINDS[value.kind][0]), value.key, "cpu", value.elements)
        return (*found, None) if self.old else found

    def save(self, value: Any, *arguments: Any, **more: Any) -> None:
        if isinstance(value, Name):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.called)
            self.save(tuple(value.arguments))
            self.write(pickle.REDUCE)
        else:
            super().save(value, *arguments, **more)


def pickled(value: Any, old: bool = False) -> bytes:
    """A pickle of protocol 2."""
    file = io.BytesIO()
    made = Pickler(file, 2)
    made.old = old
    made.dump(value)
    return file.getvalue()


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(prod(shape[at + 1 :]) for at in range(len(shape)))


def tensor(data: Data, shape: tuple[int, ...], offset: int = 0, steps: tuple[int, ...] | None = None) -> Call:
    """A tensor."""
    steps = strides(shape) if steps is None else steps
    return Call("torch._utils", "_rebuild_tensor_v2", data, offset, shape, steps, False, OrderedDict())


def state(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> tuple[OrderedDict[str, Any], list[Data]]:
    """A state dict, each tensor with a storage of its own, and these."""
    found: OrderedDict[str, Any] = OrderedDict()
    data = []
    for number, (name, (kind, shape)) in enumerate(tensors.items()):
        data.append(Data(str(number), kind, prod(shape)))
        found[name] = tensor(data[-1], shape)
    return found, data


def zipped(value: Any, data: list[Data], raw: bytes | None = None) -> bytes:
    """A file of torch 1.6 and later; `raw` instead of the pickle of `value`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled(value) if raw is None else raw)
        archive.writestr("archive/byteorder", "little")
        for each in data:
            archive.writestr(f"archive/data/{each.key}", b"\0" * (each.elements * KINDS[each.kind][1]))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def old(value: Any, data: list[Data]) -> bytes:
    """A file of torch before 1.6."""
    head = [pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    keys = pickle.dumps([each.key for each in data], 2)
    stored = (each.elements.to_bytes(8, "little") + b"\0" * (each.elements * KINDS[each.kind][1]) for each in data)
    return b"".join((*head, pickled(value, old=True), keys, *stored))


def written(tensors: Mapping[str, tuple[str, tuple[int, ...]]], form: Callable[..., bytes] = zipped) -> bytes:
    """A state dict in a file."""
    return form(*state(tensors))
