"""``hub:org/name[@revision][:QUANT]`` taken apart; also a file of a repository, ``hub:org/name/file.gguf``."""

from __future__ import annotations

import re

from llmscale.errors import UsageError
from llmscale.names import visible
from llmscale.records import NamedTuple

PREFIX = "hub:"
EXAMPLE = "For example hub:Qwen/Qwen3-8B, hub:org/name@revision or hub:org/name-GGUF:Q4_K_M."
#: What a hub may call an owner or a repository (huggingface_hub: utils/_validators.py, `REPO_ID_REGEX`).
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}"
_FORM = re.compile(
    rf"(?P<repo>{_PART}(?:/{_PART})?)(?P<path>(?:/[^/@:\\]{{1,200}})*?)(?:@(?P<revision>[^:@\\\s]{{1,200}}))?(?::(?P<tag>[^:/\\]{{1,200}}))?"
)


class Address(NamedTuple):
    """A repository of the hub.

    Attributes:
        repo: ``org/name``.
        revision: branch, tag or commit.
        pick: the quant, or the file, that is meant of several; empty where none is named.
    """

    repo: str
    revision: str
    pick: str


def address(reference: str) -> Address:
    """What `reference` names.

    Raises:
        UsageError: nothing that a hub could have.
    """
    match = _FORM.fullmatch(reference[len(PREFIX) :].strip().strip("/"))
    path = match["path"].strip("/") if match else ""
    if not match or ".." in match[0] or (path and not path.lower().endswith(".gguf")):
        raise UsageError(f"'{visible(reference)}' is no repository of a hub.", EXAMPLE)
    return Address(match["repo"], match["revision"] or "main", match["tag"] or path)
