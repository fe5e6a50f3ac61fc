"""The files that one model is in: a single one, the parts of a split one, or those of a folder.

Parts are named ``model-00001-of-00003.gguf`` (tools/gguf-split of llama.cpp); any of them names all.
"""

from __future__ import annotations

import os
import re

from llmscale.errors import InputFileError
from llmscale.names import visible
from llmscale.records import NamedTuple

PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
#: A towers' file, which is loaded beside a model.
COMPANION = re.compile(r"(^|[-_.])mmproj([-_.]|$)", re.IGNORECASE)
MOST_PARTS = 2000
ENDING = ".gguf"


class Files(NamedTuple):
    """The files of one model, in order."""

    paths: tuple[str, ...]

    @property
    def called(self) -> str:
        """What a file of them is called, without ending and number."""
        name = os.path.basename(self.paths[0])
        match = PART.fullmatch(name)
        return match[1] if match else name[: -len(ENDING)] if name.lower().endswith(ENDING) else name


def files_of(path: str) -> Files:
    """The files that `path` names.

    Raises:
        InputFileError: a folder without GGUF files or with several models, or a part that is missing.
    """
    if os.path.isdir(path):
        return _of_folder(path)
    folder, name = os.path.split(path)
    match = PART.fullmatch(name)
    if not match or int(match[3]) < 2:
        return Files((path,))
    count = int(match[3])
    if count > MOST_PARTS:
        raise InputFileError(f"'{path}' would be one of {count:,} parts, more than any model has.")
    paths = tuple(os.path.join(folder, f"{match[1]}-{n:05d}-of-{count:05d}{name[-5:]}") for n in range(1, count + 1))
    missing = [os.path.basename(each) for each in paths if not os.path.exists(each)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputFileError(
            f"'{path}' is one of {count} parts, and {visible(missing[0])}{more} is not beside it.",
            "All parts are needed; put them into one folder.",
        )
    return Files(paths)


def listed(folder: str) -> list[str]:
    """The names of the GGUF files in a folder, in order.

    Raises:
        InputFileError: it cannot be read.
    """
    try:
        return sorted(name for name in os.listdir(folder) if name.lower().endswith(ENDING))
    except OSError as error:
        raise InputFileError(f"'{folder}' cannot be read: {error.strerror}.", "Check the path.") from None


def models_in(folder: str) -> list[str]:
    """One name for each model in a folder: the first part of those that are split; files of towers left out."""
    firsts: dict[str, str] = {}
    for name in listed(folder):
        match = PART.fullmatch(name)
        if not COMPANION.search(name):
            firsts.setdefault(match[1] if match else name, name)
    return list(firsts.values())


def _of_folder(folder: str) -> Files:
    found = models_in(folder)
    if not found:
        raise InputFileError(f"The folder '{folder}' has no GGUF file of a model.", "Name a folder that has one.")
    if len(found) > 1:
        some = ", ".join(map(visible, found[:6])) + (" …" if len(found) > 6 else "")
        raise InputFileError(f"The folder '{folder}' has {len(found)} models.", f"Name one: {some}.")
    return files_of(os.path.join(folder, found[0]))
