"""Runs the application until it is told to stop; what is under way by then is answered."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llmscale.errors import UsageError
from llmscale.web.guard import Limits

LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: Connections at once, and seconds that what is under way is waited for.
CONNECTIONS, GRACE = 512, 10


def serve(host: str, port: int, limits: Limits, files: bool = False) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        UsageError: the address is taken.
    """
    uvicorn: Any = import_module("uvicorn")
    from llmscale.web.app import application

    config = uvicorn.Config(
        application(limits, allow_files=files),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=16 << 10,
        lifespan="off",
        proxy_headers=False,
    )
    try:
        uvicorn.Server(config).run()
    except SystemExit:
        raise UsageError(f"{host}:{port} cannot be listened on.", "Try another --port.") from None


def names(host: str, allowed: list[str]) -> frozenset[str]:
    """What requests may call the server: its own address, or those of this machine."""
    own = (*LOOPBACK, "[::1]") if host in LOOPBACK else (host,)
    return frozenset(name.lower() for name in (*own, *allowed))
