"""Whether a hub can be reached at all, found out in less than a second and without its library."""

from __future__ import annotations

import os
import socket
import threading
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

#: huggingface_hub/constants.py: `_HF_DEFAULT_ENDPOINT`, `HF_HUB_OFFLINE`, `ENV_VARS_TRUE_VALUES`.
DEFAULT = "https://huggingface.co"
OFFLINE, TRUE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"), ("1", "ON", "YES", "TRUE")
SECONDS = 0.5
PORTS = {"http": 80, "https": 443}


def endpoint() -> str:
    """The hub that is asked."""
    return os.environ.get("HF_ENDPOINT", DEFAULT).rstrip("/")


def offline() -> bool:
    """Whether the user wants no network."""
    return any(os.environ.get(name, "").upper() in TRUE for name in OFFLINE)


def reachable() -> bool | None:
    """Whether somebody answers there, or at the proxy that leads there; None where nobody has said so yet."""
    found: list[bool] = []
    try:
        url = urlsplit(endpoint())
        host, port = url.hostname or "", url.port or PORTS.get(url.scheme, 443)
        proxy = None if proxy_bypass(host) else getproxies().get(url.scheme)
        if proxy:
            via = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            host, port = via.hostname or "", via.port or PORTS.get(via.scheme, 80)
    except ValueError:
        return False
    thread = threading.Thread(target=_knock, args=(host, port, found), daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else None


def _knock(host: str, port: int, found: list[bool]) -> None:
    # In a thread of its own, since nothing bounds how long a name server may take.
    try:
        socket.create_connection((host, port), SECONDS).close()
        found.append(True)
    except TimeoutError:
        return
    except (OSError, UnicodeError):
        found.append(False)
