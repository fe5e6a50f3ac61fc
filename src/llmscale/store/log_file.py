"""A log: text of any length and encoding, of which the beginning and lines of a bounded length are read."""

from __future__ import annotations

from typing import BinaryIO

from llmscale.errors import InputFileError

#: Bytes that are read: what a server prints while it starts stands at the beginning.
MOST = 8 << 20
#: Characters of a line: vLLM's configuration, the longest that says something, has about 5,000.
LONGEST = 8000
#: What a terminal obeys, and progress bars that draw over themselves.
_ESCAPES = r"\x1b\[[0-9;]{0,20}[A-Za-z]"


def read_log_file(path: str) -> str:
    """What the log at `path` says.

    Raises:
        InputFileError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return log_text(file)
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from None
    except ValueError:  # a NUL in the path
        raise InputFileError("It cannot be read: no file is called so.", "Check the path.") from None


def log_text(file: BinaryIO) -> str:
    """The lines, each cut where it is too long."""
    import re

    raw = file.read(MOST)
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = re.sub(_ESCAPES, "", raw.decode(encoding, "replace"))
    return "\n".join(line[:LONGEST] for line in re.split(r"[\r\n]+", text))
