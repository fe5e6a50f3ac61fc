"""Folders whose model is several checkpoints, each in a folder of its own: their tensors, by headers alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from llmscale.errors import InputFileError
from llmscale.formats.recipe import StoredTensor
from llmscale.names import visible
from llmscale.records import NamedTuple
from llmscale.sources.checkpoint.files import files_of, listed, listed_pytorch
from llmscale.sources.checkpoint.load import header_of
from llmscale.sources.checkpoint.tensors import Role, stored_tensors

#: Parts that a model may have, and the text of a list of them.
MOST_PARTS, MOST_LIST = 64, 1 << 20


class Part(NamedTuple):
    """One of the checkpoints: `folder` below the model's own."""

    folder: str
    stored: tuple[StoredTensor, ...]
    file_bytes: int

    @property
    def parameters(self) -> int:
        """How many it has."""
        return sum(each.group.parameters for each in self.stored)

    @property
    def bytes(self) -> int:
        """Bytes of its tensors."""
        return sum(each.bytes for each in self.stored)


def folder_of(root: str, name: Any, where: str) -> str:
    """The path of a folder that a list names.

    Raises:
        InputFileError: it is not right below the list's own.
    """
    if not isinstance(name, str) or name != os.path.basename(name) or name in ("", ".", "..") or "\0" in name:
        raise InputFileError(
            f"'{where}' names '{visible(name)}', which is no folder beside it.",
            "A list that leads out of its own folder is not followed.",
        )
    path = os.path.join(root, name)
    if os.path.islink(path):
        raise InputFileError(f"'{path}' is a link, which is not followed.", "Name the folder that it leads to.")
    return path


def has_weights(path: str) -> bool:
    """Whether a folder has a checkpoint."""
    return bool(listed(path) or listed_pytorch(path))


def parts_of(root: str, names: Iterable[str], component: str = "") -> Iterator[Part]:
    """The parts that have weights.

    Args:
        component: what they are counted as; the folder's own name when empty.

    Raises:
        InputFileError: one that is damaged, or two tensors of a name.
    """
    for name in names:
        path = os.path.join(root, name)
        if not has_weights(path):
            continue
        headers = [header_of(each) for each in files_of(path)]
        infos = [info._replace(name=f"{name}.{info.name}") for header in headers for info in header.tensors]
        if len({info.name for info in infos}) < len(infos):
            raise InputFileError(f"'{path}': two files name the same tensor.", "Leave one of them there.")
        part = component or name
        roles = _OneRole(Role(f"{part}.tensor", part, 1))
        yield Part(name, stored_tensors(infos, roles), sum(header.file_bytes for header in headers))


class _OneRole(dict[str, Role]):
    """The same role for every tensor."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role

    def get(self, key: str, default: Any = None) -> Any:
        return self.role
