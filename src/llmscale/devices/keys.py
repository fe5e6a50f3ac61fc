"""The words of a device's name, in one spelling: ``NVIDIA GeForce RTX 4090`` and ``rtx 4090`` have the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

#: A size at the end of a name, however it is written.
SIZE_WORD = r"(?<![\w.])(\d+(?:\.\d+)?)\s*(g|gb|gib|tb|tib)(?![a-z\d])"


def key(name: str, noise: Collection[str]) -> str:
    """The words of a name that tell it from others, without spaces."""
    plain = unicodedata.normalize("NFKC", name).lower()
    plain = re.sub(r"\((?:r|tm|c)\)|[®™©]", " ", plain)
    return "".join(word for word in re.findall(r"[a-z]+|\d+(?:\.\d+)?|[^\W\d_a-z]+|\+", plain) if word not in noise)
