"""The application: each endpoint by GET (the question is the URL) and by POST (the same as one JSON object)."""

from __future__ import annotations

import json
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from threading import Lock
from typing import Any

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llmscale.answers.results.common import SCHEMA, to_json
from llmscale.errors import LlmscaleError, UsageError
from llmscale.questions.drawn import drawn
from llmscale.questions.endpoints import ENDPOINTS, answer
from llmscale.questions.said import words_of
from llmscale.render.writers.contract import contract
from llmscale.sources import registry
from llmscale.web.guard import App, Guard, Limits, to_stderr
from llmscale.web.openapi import description

#: Status for the exit status that the command line would end with.
STATUS = {2: 400, 3: 404, 4: 422, 5: 502}
#: Answers that are kept, and the largest that is.
KEPT, LARGEST_KEPT = 2048, 64 << 10
#: Answers that are worked out at once; more wait.
AT_ONCE = 4
PAGE = {"": "index.html", "app.js": "app.js", "style.css": "style.css", "words.js": "words.js"}
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}


class Answers:
    """Answers as they are sent, the last few of them kept: the same question has the same answer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The answer of that key, made where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        if len(made) <= LARGEST_KEPT:
            with self._lock:
                self._kept[key] = made
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return made


def application(
    limits: Limits | None = None, log: Callable[[str], object] | None = None, allow_files: bool = False
) -> App:
    """What a server runs.

    Args:
        allow_files: whether a question may name files of this machine.
    """
    given, say = limits or Limits(), log or to_stderr
    kept, threads = Answers(), CapacityLimiter(AT_ONCE)

    async def asked(request: Request, make: Callable[[Mapping[str, list[str]]], bytes]) -> Response:
        try:
            said = await _said(request)
            key = json.dumps([request.url.path, sorted(said.items())])
            token = registry.only.set(None if allow_files else registry.HARMLESS)
            try:
                with fail_after(given.seconds):
                    work = partial(kept.get, key, lambda: make(said))
                    content = await to_thread.run_sync(work, abandon_on_cancel=True, limiter=threads)
            finally:
                registry.only.reset(token)
        except LlmscaleError as error:
            return _error(STATUS.get(error.exit_status, 400), error.kind, error.message, error.hint)
        except TimeoutError:
            return _error(503, "timeout", "The answer took too long.", "Ask about less at once.")
        except Exception as error:
            say(json.dumps({"defect": traceback.format_exc()}))
            return _error(500, "defect", f"This is a defect of llmscale: {type(error).__name__}.", "Please report it.")
        return Response(content, media_type="application/json")

    def endpoint(name: str) -> Route:
        async def serve(request: Request) -> Response:
            return await asked(request, lambda said: _encoded(contract(answer(name, said))))

        return Route(f"/api/{name}", serve, methods=["GET", "POST"])

    async def plot(request: Request) -> Response:
        return await asked(request, lambda said: _encoded(drawn(said)))

    async def openapi(request: Request) -> Response:
        return await asked(request, lambda _: _encoded(description()))

    async def health(_: Request) -> Response:
        return Response(b'{"status": "ok"}', media_type="application/json")

    routes = [
        *map(endpoint, ENDPOINTS),
        Route("/api/plot", plot, methods=["GET", "POST"]),
        Route("/openapi.json", openapi),
        Route("/health", health),
        *(Route(f"/{path}", _page(name)) for path, name in PAGE.items()),
    ]
    failing = {404: _not_found, 405: _not_allowed}
    return Guard(Starlette(routes=routes, exception_handlers=failing), given, say)


def _page(name: str) -> Callable[[Request], Response]:
    content = files(__package__).joinpath("page").joinpath(name).read_bytes()

    def serve(_: Request) -> Response:
        return Response(content, media_type=TYPES[name.rpartition(".")[2]])

    return serve


async def _said(request: Request) -> dict[str, list[str]]:
    """The question: the URL's words, or those of a JSON object.

    Raises:
        UsageError: no such object.
    """
    said: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        said.setdefault(name, []).append(value)
    if request.method != "POST":
        return said
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise UsageError("The body is not JSON.", 'For example {"model": "llama-2-7b"}.') from None
    return {**said, **words_of(body)}


def _encoded(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _error(status: int, kind: str, message: str, hint: str) -> Response:
    content = {"schema": SCHEMA, "error": to_json({"kind": kind, "message": message, "hint": hint})}
    return Response(_encoded(content), status, media_type="application/json")


async def _not_found(request: Request, _: Exception) -> Response:
    return _error(404, "not_found", "There is nothing here.", "See /openapi.json.")


async def _not_allowed(request: Request, _: Exception) -> Response:
    return _error(405, "usage", "GET and POST are answered.", "See /openapi.json.")
