"""``python -m llmscale.compile TABLE FOLDER``: one table as JSON; the tables that it needs are kept in FOLDER."""

from __future__ import annotations

import json
import sys

from llmscale.compile.checkout import REFUSED, made_here
from llmscale.errors import LlmscaleError
from llmscale.store import tables


def main() -> None:
    """Make it."""
    name, tables.COMPILED = sys.argv[1:]
    try:
        found = made_here(name)
    except LlmscaleError as error:
        sys.stderr.write(json.dumps([error.message, error.hint]))
        sys.exit(REFUSED)
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()
