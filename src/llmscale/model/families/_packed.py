"""Small texts packed each by itself, against what is common to all of them: one is read without the others."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

#: As much as deflate looks back.
WINDOW = 1 << 15


def common(entries: Iterable[Any]) -> str:
    """What many entries say, the most frequent last, as deflate wants it."""
    found: Counter[str] = Counter()
    for entry in entries:
        found.update(set(re.findall(r'\["[^"]*",\[.*?\],.*?\]\]|"[^"]{6,}":\[[^\[]*\[[^\[]*\]\]', _text(entry))))
    words, length = [], 0
    for word, times in sorted(found.items(), key=lambda each: (-each[1] * len(each[0]), each[0])):
        if times < 2 or length + len(word) > WINDOW - 1:
            break
        words.append(word)
        length += len(word) + 1
    return ",".join(reversed(words))


def packed(entry: Any, words: str) -> str:
    """An entry as text that JSON holds without escapes."""
    packer = zlib.compressobj(9, zdict=words.encode())
    return base64.b85encode(packer.compress(_text(entry).encode()) + packer.flush()).decode()


def unpacked(text: str, words: str) -> Any:
    """The entry again."""
    return json.loads(zlib.decompressobj(zdict=words.encode()).decompress(base64.b85decode(text)))


def _text(entry: Any) -> str:
    return json.dumps(entry, separators=(",", ":"))
