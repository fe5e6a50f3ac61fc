"""Bytes of a hub by HTTP: never more than are asked for, never longer than they may take, the token only to the hub.

The session, the endpoint and the token are huggingface_hub's. Bodies are read here, since its own readers
take whatever a server sends. Redirects are followed here too, so that a token stays with the host that it is for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urljoin, urlsplit

from llmscale.errors import NetworkError, NotFoundError, UsageError
from llmscale.names import visible
from llmscale.records import NamedTuple

ATTEMPTS = 4
#: Seconds before the second attempt, twice as many before each that follows; the longest that a server may ask for.
BACK_OFF, LONGEST_WAIT = 0.5, 20.0
MOST_HOPS = 5
#: An answer may take so many times what huggingface_hub waits for a single byte (``HF_HUB_DOWNLOAD_TIMEOUT``, 10 s).
PATIENCE = 3
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429, 500, 502, 503, 504)
#: More bytes than any file has.
MOST_BYTES = 1 << 48
#: What is not sent to another host than the hub.
PRIVATE = ("authorization", "cookie")


class Wire(NamedTuple):
    """How a hub is asked.

    Attributes:
        error: the base of what the session raises when a request fails.
        no_url: what it raises of an address that is none.
        seconds: how long a single byte may take.
    """

    endpoint: str
    session: Any
    error: type[Exception]
    no_url: type[Exception]
    headers: Mapping[str, str]
    seconds: float

    @property
    def host(self) -> str:
        """The hub's name, for messages."""
        return urlsplit(self.endpoint).netloc


class Answer(NamedTuple):
    """What came; `total` are the bytes of the whole file, where the server says."""

    data: bytes
    total: int | None


class _PassingError(Exception):
    """What may be better in a moment; `wait` seconds, where the server says."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


def wire() -> Wire:
    """How the hub of this environment is asked.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        from huggingface_hub import constants, get_session, get_token
    except ImportError:
        raise UsageError(
            "Asking a hub needs huggingface_hub, which is not installed.", "pip install 'llmscale[hub]'"
        ) from None
    session = get_session()
    client = import_module(type(session).__module__.partition(".")[0])  # httpx, or what the library has in its place
    # Not the library's own headers: to say which assistant runs it, it asks the hub a question first.
    headers = {"user-agent": "llmscale", "accept-encoding": "identity"}
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    if token:
        headers["authorization"] = f"Bearer {token}"
    seconds = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)
    return Wire(constants.ENDPOINT, session, client.HTTPError, client.InvalidURL, headers, seconds)


def get(on: Wire, path: str, most: int, start: int | None = None) -> Answer:
    """What the hub has at `path`.

    Args:
        most: bytes that are taken; without `start` the answer may not have more.
        start: where to begin, of a file of which only a part is wanted.

    Raises:
        NotFoundError: there is nothing.
        NetworkError: it cannot be reached, refuses, or answers what makes no sense.
    """
    why = ""
    for attempt in range(ATTEMPTS):
        try:
            return _once(on, path, most, start)
        except _PassingError as error:
            why = str(error)
            if attempt + 1 < ATTEMPTS:
                time.sleep(BACK_OFF * 2**attempt if error.wait is None else error.wait)
    raise NetworkError(f"{on.host} {why}, {ATTEMPTS} times.", "Try again later, or name a file or a catalogue model.")


def _once(on: Wire, path: str, most: int, start: int | None) -> Answer:
    url, headers = on.endpoint + path, dict(on.headers)
    if start is not None:
        headers["range"] = f"bytes={start}-{start + most - 1}"
    until = time.monotonic() + PATIENCE * on.seconds
    try:
        for _ in range(MOST_HOPS):
            with on.session.stream("GET", url, headers=headers, follow_redirects=False, timeout=on.seconds) as response:
                if response.status_code not in REDIRECTS:
                    return _answer(on, response, most, start, until)
                url, headers = _next(on, url, response.headers.get("location", ""), headers)
    except on.error as error:
        raise _PassingError(f"gave no whole answer ({visible(str(error) or type(error).__name__, 100)})") from None
    except (on.no_url, ValueError, UnicodeError) as error:  # an address that is none
        raise NetworkError(f"{on.host} leads to an address that is none: {visible(error, 100)}.") from None
    raise NetworkError(f"{on.host} leads from one address to another without end.")


def _next(on: Wire, url: str, target: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Where a redirect leads, and what is sent there: to another host nothing that is private."""
    found, before = urlsplit(urljoin(url, target)), urlsplit(url)
    if found.scheme not in ("http", "https") or (before.scheme, found.scheme) == ("https", "http"):
        raise NetworkError(f"{on.host} leads to '{visible(target)}', which is not followed.")
    if (found.scheme, found.netloc) != (before.scheme, before.netloc):
        headers = {key: value for key, value in headers.items() if key.lower() not in PRIVATE}
    return found.geturl(), headers


def _answer(on: Wire, response: Any, most: int, start: int | None, until: float) -> Answer:
    _refuse(on, response)
    if (coding := response.headers.get("content-encoding", "identity")) != "identity":
        raise NetworkError(f"{on.host} sends its answer packed ({visible(coding, 20)}), though asked not to.")
    length = _number(response.headers.get("content-length"))
    if start is None:
        return Answer(_body(on, response.iter_raw(), most, length, until, whole=True), length)
    if response.status_code != 206:  # no ranges there: what stands before is read and forgotten
        return Answer(_body(on, response.iter_raw(), start + most, length, until)[start:], length)
    first, total = _range(response.headers.get("content-range", ""))
    if first != start:
        raise NetworkError(f"{on.host} sends other bytes of a file than those that were asked for.")
    return Answer(_body(on, response.iter_raw(), most, length, until), total)


def _refuse(on: Wire, response: Any) -> None:
    """Raise what a status says that is none of success."""
    status, code = response.status_code, response.headers.get("x-error-code", "")
    if status in (200, 206):
        return
    if status in PASSING:
        wait = _number(response.headers.get("retry-after"))
        raise _PassingError(f"answers {status}", None if wait is None else min(float(wait), LONGEST_WAIT))
    if status == 404:
        raise NotFoundError(f"{on.host} has no such repository, revision or file.", "Check how it is spelled there.")
    if status in (401, 403):
        # The hub says 401 also of what does not exist, so as not to tell who may not know.
        why = "its licence has to be accepted there" if code == "GatedRepo" else "it is private, gated or not there"
        raise NetworkError(f"{on.host} refuses ({status}): {why}.", "Log in with: hf auth login, or set HF_TOKEN.")
    raise NetworkError(f"{on.host} answers {status}.", "Try again later.")


def _body(on: Wire, pieces: Iterator[bytes], most: int, length: int | None, until: float, whole: bool = False) -> bytes:
    """Bytes of an answer, at most `most`; of one that is wanted whole, more are refused."""
    if whole and length is not None and length > most:
        raise NetworkError(f"{on.host} answers with {length:,} bytes, more than are expected there.")
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) >= most + whole:  # of what is wanted whole, one byte more tells that there are more
            break
        if time.monotonic() > until:
            raise NetworkError(f"{on.host} is too slow: {len(data):,} bytes in {PATIENCE * on.seconds:.0f} s.")
    if whole and len(data) > most:
        raise NetworkError(f"{on.host} answers with more than {most:,} bytes, which are not expected there.")
    if length is not None and len(data) < min(length, most):
        raise _PassingError(f"breaks off after {len(data):,} of {length:,} bytes")
    return bytes(data[:most])


def _range(text: str) -> tuple[int | None, int | None]:
    """First byte and total of ``bytes 0-99/1234``."""
    span, _, total = text.removeprefix("bytes ").partition("/")
    return _number(span.partition("-")[0]), _number(total)


def _number(text: str | None) -> int | None:
    """A number of bytes or seconds; None for all else."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 and int(text) <= MOST_BYTES else None
