"""Text of a file that a user names: all of it or one refusal, never more than is expected of such a file."""

from __future__ import annotations

from llmscale.errors import InputFileError
from llmscale.store.opened import opener


def read_text(path: str, most: int, expected: str) -> str:
    """What stands in the file at `path`.

    Args:
        most: bytes that it may have; a device or a pipe without end is read no further.
        expected: what it ought to be, with its article.

    Raises:
        InputFileError: it cannot be read, is too large, or no text.
    """
    try:
        with open(path, "rb", opener=opener) as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from None
    except ValueError:  # a NUL in the path
        raise InputFileError(f"'{path}' cannot be read: no file is called so.", "Check the path.") from None
    if len(raw) > most:
        raise InputFileError(f"'{path}' has more than {most:,} bytes, which is too large for {expected}.")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputFileError(
            f"'{path}' cannot be read: it is not text (UTF-8).", f"{expected[0].upper()}{expected[1:]} is expected."
        ) from None
