"""What stands before the application: who may ask, how much, how often, how long; headers; a line of log for each.

Written as plain ASGI, since wrappers that hold back bodies would undo what is guarded here.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic, strftime
from typing import Any

from anyio import fail_after

from llmscale.records import NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
#: Callers whose rate is remembered; the one that was silent longest is forgotten first.
MOST_CALLERS = 10_000


class Limits(NamedTuple):
    """How much one caller may ask.

    Attributes:
        hosts: the names that a request may call this server by; none is any. A page of a stranger that has its own name
            resolve to this machine is refused by it.
        rate: requests a second of one address in the long run; 0 is no limit.
        burst: how many at once before that.
    """

    hosts: frozenset[str] = frozenset()
    rate: float = 50.0
    burst: float = 200.0
    body_bytes: int = 64 << 10
    query_bytes: int = 8 << 10
    seconds: float = 10.0


class RefusedError(Exception):
    """A request that is not answered: the HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def to_stderr(line: str) -> None:
    """Where lines of log go."""
    print(line, file=sys.stderr, flush=True)


class Guard:
    """`app` behind the limits."""

    def __init__(self, app: App, limits: Limits, log: Callable[[str], object]) -> None:
        self._app, self._limits = app, limits
        self._log = log
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = monotonic(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        try:
            self._admit(scope)
            await self._answer(scope, receive, guarded)
        except RefusedError as error:
            await refuse(guarded, error)
        finally:
            self._log(_line(scope, status, monotonic() - began))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """With the whole body read first, so that neither its size nor its slowness reaches the application."""
        try:
            with fail_after(self._limits.seconds):
                body = await self._body(receive)
        except TimeoutError:
            raise RefusedError(408, "The body took too long to come.") from None
        delivered = False

        async def again() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    async def _body(self, receive: Receive) -> bytes:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "The caller went away.")
            body += bytes(message.get("body", b""))
            if len(body) > self._limits.body_bytes:
                raise RefusedError(413, f"A body has at most {self._limits.body_bytes:,} bytes.")
            if not message.get("more_body"):
                return body

    def _admit(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        host = _host(headers.get(b"host", b"").decode("latin-1"))
        if self._limits.hosts and host not in self._limits.hosts:
            raise RefusedError(421, "This server goes by another name (--allow-host).")
        if len(scope.get("query_string", b"")) > self._limits.query_bytes:
            raise RefusedError(414, f"A question has at most {self._limits.query_bytes:,} bytes.")
        if self._limits.rate and not self._spend((scope.get("client") or ("",))[0]):
            raise RefusedError(429, "Too many requests; try again in a moment.")

    def _spend(self, caller: str) -> bool:
        """Take one from what a caller has left, which grows back with time; False where nothing is."""
        now = monotonic()
        left, since = self._callers.pop(caller, (self._limits.burst, now))
        left = min(self._limits.burst, left + (now - since) * self._limits.rate)
        self._callers[caller] = (left - 1 if left >= 1 else left, now)
        if len(self._callers) > MOST_CALLERS:
            self._callers.popitem(last=False)
        return left >= 1


async def refuse(send: Send, error: RefusedError) -> None:
    """The answer to a request that gets none, as the JSON contract has errors."""
    content = {"schema": "llmscale/1", "error": {"kind": "refused", "message": error.why, "hint": ""}}
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if error.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


def _host(header: str) -> str:
    """Without its port: ``[::1]:8000`` is ``[::1]``."""
    name, colon, port = header.strip().lower().rpartition(":")
    return name if colon and port.isdecimal() else header.strip().lower()


def _line(scope: Scope, status: int, seconds: float) -> str:
    """One request as JSON; the question itself may be long and is the caller's business."""
    return json.dumps(
        {
            "time": strftime("%Y-%m-%dT%H:%M:%S%z"),
            "client": (scope.get("client") or ("",))[0],
            "method": scope["method"][:16],
            "path": scope["path"][:200],
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
    )
