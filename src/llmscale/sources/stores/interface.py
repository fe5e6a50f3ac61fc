"""What a program's folder of models holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from enum import Enum

from llmscale.records import NamedTuple


class Kind(Enum):
    """What a model's files are, as people call it."""

    GGUF = "GGUF"
    TOWERS = "GGUF mmproj"
    SAFETENSORS = "safetensors"
    PYTORCH = "PyTorch"
    MLX = "MLX"
    PIPELINE = "diffusers"
    SENTENCES = "sentence-transformers"


class KeptModel(NamedTuple):
    """A model in a folder.

    Attributes:
        name: what its program calls it.
        reference: what to type for it.
        files: all that is loaded of it.
    """

    name: str
    reference: str
    kind: Kind
    files: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Bytes of the files as they lie there.

        Raises:
            OSError: one has gone meanwhile.
        """
        return sum(os.stat(path).st_size for path in self.files)


class Broken(NamedTuple):
    """What lies there and is no model that can be read, and why."""

    path: str
    why: str


Found = KeptModel | Broken


class Store(NamedTuple):
    """A program's folder.

    Attributes:
        keeper: the program.
        look: what is in it; opens no file that has a model's tensors.
    """

    keeper: str
    folder: str
    look: Callable[[str], Iterator[Found]]
