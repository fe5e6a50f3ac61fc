"""Whether what a user typed is written as a path, which a bare word is not: ``gpt2`` may be a folder or a name."""

from __future__ import annotations

import os
from collections.abc import Callable

from llmscale.sources.interface import Claim

SEPARATORS = tuple(separator for separator in (os.sep, os.altsep) if separator)


def has_separator(reference: str) -> bool:
    """Whether it names a place below or beside another."""
    return any(separator in reference for separator in SEPARATORS)


def is_path(reference: str) -> bool:
    """Whether it can be nothing but a path."""
    return reference in (".", "..") or has_separator(reference)


def folder_claim(reference: str) -> Claim:
    """The claim on a folder that is there and holds what is looked for: a bare word may be a name instead."""
    return Claim.YES if is_path(reference) else Claim.MAYBE


def file_or_folder(reference: str, endings: tuple[str, ...], holds: Callable[[str], bool]) -> Claim:
    """The claim on a file with one of these endings, or on a folder that `holds` such files."""
    path = os.path.expanduser(reference)
    if reference.endswith(endings):
        sure = os.path.exists(path) or reference.startswith((".", "~", os.sep))
        return Claim.YES if sure else Claim.NO
    return folder_claim(reference) if os.path.isdir(path) and holds(path) else Claim.NO
