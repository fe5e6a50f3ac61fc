"""A catalogue of one's own, as somebody writes it by hand."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers import TINY

#: Written by hand: a comment on top, one between the entries, one at the end; `{more}` takes further fields.
MINE = """# mine, all mine

tiny:
  name: The Tiny One   # said so myself
  aliases: [me/The-Tiny-Chat]
  publisher: me
  modality: text
  released: "2025-03"
  licence: MIT
  open: true
  source: https://example.org/tiny
  config: {config}

# the second
other-one:
  name: Other
  publisher: me
  modality: text
  released: "2024-01"
  licence: MIT
  open: false
  source: here
  parameters: 3B
# the end
"""


def mine(**changes: Any) -> str:
    return MINE.replace("{config}", json.dumps({**TINY, **changes}))
