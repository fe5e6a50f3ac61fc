"""The API is the command line's JSON; what a stranger may not ask is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmscale.pictures.registry import KINDS
from tests.helpers import REPOSITORY, TINY, good, write_config

pytest.importorskip("starlette", reason="the extra [web] is not installed: make test-extras")
pytest.importorskip("httpx", reason="the extra [web] is tested with httpx: make test-extras")

from starlette.testclient import TestClient

from llmscale.questions.endpoints import ENDPOINTS
from llmscale.web.app import PAGE, application
from llmscale.web.guard import HEADERS, Limits

LOGGED: list[str] = []


def client(allow_files: bool = False, **limits: Any) -> TestClient:
    app = application(Limits(**{"rate": 0.0, **limits}), LOGGED.append, allow_files)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def web() -> TestClient:
    return client()


SAME = {
    "estimate": (
        "estimate?model=llama-2-7b&quant=q4_k_m&quant=fp16&context=8k&gpu=rtx4090",
        "estimate llama-2-7b -q q4_k_m -q fp16 -c 8k --gpu rtx4090",
    ),
    "an option of a runtime": (
        "estimate?model=llama-2-7b&quant=q4_k_m&ubatch=1024&flash_attn=false",
        "estimate llama-2-7b -q q4_k_m --ubatch 1024 --no-flash-attn",
    ),
    "params": ("params?model=deepseek-v3", "params deepseek-v3"),
    "compare": ("compare?model=gpt-3&model=7B", "compare gpt-3 7B"),
    "fits": ("fits?device=rtx4090", "fits rtx4090"),
    "fits nothing named": ("fits", "fits"),
    "fits one model": ("fits?device=rtx4090&model=llama-2-70b&command=true", "fits rtx4090 llama-2-70b --command"),
    "needs": ("needs?model=llama-2-70b&quant=q4_k_m&max_count=4", "needs llama-2-70b -q q4_k_m --max-count 4"),
    "needs of users": (
        "needs?model=qwen3-8b&users=20&prompt=2k&answer=500&ttft=1s&tpot=50ms&kind=datacentre&max_count=1&runtime=vllm",
        "needs qwen3-8b --users 20 --in 2k --out 500 --ttft 1s --tpot 50ms --kind datacentre --max-count 1 "
        "--runtime vllm",
    ),
    "RAM that is too small": (
        "estimate?model=qwen3-30b-a3b&quant=q8_0&gpu=rtx3060&ram=8GB",
        "estimate qwen3-30b-a3b -q q8_0 --gpu rtx3060 --ram 8GB",
    ),
    "models": ("models?word=qwen", "models list qwen"),
    "devices": ("devices?word=apple", "devices list apple"),
    "quants": ("quants?word=int", "quants list int"),
    "runtimes": ("runtimes", "runtimes"),
}


@pytest.mark.parametrize("case", SAME)
def test_an_answer_is_that_of_the_command_line(web: TestClient, case: str) -> None:
    url, command = SAME[case]
    answer = web.get(f"/api/{url}")
    assert answer.status_code == 200
    assert answer.json() == good(*command.split(), "-o", "json").json()


def test_every_endpoint_is_asked_here() -> None:
    assert {url.partition("?")[0] for url, _ in SAME.values()} == set(ENDPOINTS)


def test_an_object_asks_what_a_url_asks(web: TestClient) -> None:
    asked = {"model": "gpt2", "quant": ["q8_0", "fp16"], "batch": 2, "explain": True, "context": None}
    assert (
        web.post("/api/estimate", json=asked).json()
        == web.get("/api/estimate?model=gpt2&quant=q8_0&quant=fp16&batch=2&explain=true").json()
    )


@pytest.mark.parametrize("picture", KINDS)
def test_pictures_are_data(web: TestClient, picture: str) -> None:
    subject = {"context": "rtx4090", "frontier": "rtx4090", "scale": ""}.get(picture, "llama-3.1-8b")
    drawn = web.get(f"/api/plot?picture={picture}&subject={subject}&gpu=rtx4090&lang=zh").json()
    assert drawn["kind"] in ("chart", "bars")
    assert drawn["title"]
    assert drawn["series" if drawn["kind"] == "chart" else "bars"]


def test_the_description_names_every_endpoint_and_option(web: TestClient) -> None:
    told = web.get("/openapi.json").json()
    assert {f"/api/{name}" for name in (*ENDPOINTS, "plot")} == set(told["paths"])
    asked = {parameter["name"] for parameter in told["paths"]["/api/estimate"]["get"]["parameters"]}
    assert {"model", "gpu", "quant", "ubatch", "gpu_memory_utilization"} <= asked
    links = set(_links(told))
    assert links
    assert {link.rpartition("/")[2] for link in links} <= set(told["components"]["schemas"])


def _links(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        for item in value.values():
            yield from _links(item)
    elif isinstance(value, list):
        for item in value:
            yield from _links(item)


REFUSED = {
    "nothing": ("estimate", 400, "usage"),
    "users without prompts": ("needs?model=gpt2&users=20", 400, "usage"),
    "users and a context": ("needs?model=gpt2&users=20&prompt=2k&answer=500&context=8k", 400, "usage"),
    "no time": ("needs?model=gpt2&users=20&prompt=2k&answer=500&ttft=soon", 400, "usage"),
    "no such model": ("estimate?model=nosuch", 404, "not_found"),
    "not disclosed": ("estimate?model=gpt-4", 404, "undisclosed"),
    "no such word": ("params?model=gpt2&nosuch=1", 400, "usage"),
    "no such option": ("estimate?model=gpt2&nosuch=1", 400, "usage"),
    "no number": ("estimate?model=gpt2&batch=many", 400, "usage"),
    "no truth": ("estimate?model=gpt2&explain=perhaps", 400, "usage"),
    "a long word": (f"params?model={'x' * 300}", 400, "usage"),
    "many words": ("compare?" + "&".join(["model=gpt2"] * 40), 400, "usage"),
    "all formats": ("estimate?model=gpt2&quant=all", 400, "usage"),
    "a group of formats": ("estimate?model=gpt2&quant=All-gguf", 400, "usage"),
    "a recipe": ("estimate?model=gpt2&quant=recipe.yaml", 400, "usage"),
    "a recipe for a draft": ("estimate?model=gpt2&quant=q8_0&draft_quant=/etc/x.YML", 400, "usage"),
    "a catalogue": ("estimate?model=gpt2&catalogue=/etc/passwd", 400, "usage"),
    "nowhere": ("nosuch", 404, "not_found"),
    "above": ("../../etc/passwd", 404, "not_found"),
    "no picture": ("plot?picture=pie", 400, "usage"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_is_an_error_of_the_contract(web: TestClient, case: str) -> None:
    url, status, kind = REFUSED[case]
    answer = web.get(f"/api/{url}")
    assert (answer.status_code, answer.json()["error"]["kind"]) == (status, kind)


@pytest.mark.parametrize("name", ["{}/config.json", "{}", "./{}/config.json", "~/x.json", "file://{}/config.json"])
def test_no_file_is_reached(web: TestClient, tmp_path: Path, name: str) -> None:
    write_config(tmp_path, TINY)
    for path in (f"/api/params?model={name}", f"/api/estimate?model=gpt2&quant=q8_0&draft={name}"):
        answer = web.get(path.format(tmp_path))
        assert answer.status_code in (400, 404)
    assert client(allow_files=True).get(f"/api/params?model={tmp_path}/config.json").status_code == 200


@pytest.mark.parametrize(
    "body", ["", "{", "[1]", '"x"', "null", "[" * 30_000, '{"model": {"a": 1}}', '{"model": [["x"]]}']
)
def test_a_strange_body_is_wrong_usage(web: TestClient, body: str) -> None:
    answer = web.post("/api/estimate", content=body)
    assert (answer.status_code, answer.json()["error"]["kind"]) == (400, "usage")


def test_what_is_too_large_is_refused(web: TestClient) -> None:
    assert web.post("/api/params", content=b" " * 70_000).status_code == 413
    assert web.get("/api/params?model=gpt2&x=" + "y" * 9000).status_code == 414


def test_only_get_and_post_are_answered(web: TestClient) -> None:
    assert web.delete("/api/params").status_code == 405


def test_who_asks_too_often_waits() -> None:
    hasty = client(rate=0.001, burst=3)
    assert [hasty.get("/health").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert hasty.get("/health").headers["retry-after"] == "1"


def test_a_name_that_is_not_its_own_is_not_answered() -> None:
    own = client(hosts=frozenset({"localhost"}))
    assert own.get("/health").status_code == 200
    assert own.get("/health", headers={"host": "localhost:8017"}).status_code == 200
    for name in ("evil.example", "localhost.evil.example", ""):
        assert own.get("/health", headers={"host": name}).status_code == 421


@pytest.mark.parametrize(
    "path", ["/", "/api/params?model=gpt2", "/api/nosuch", "/health", "/api/params?x=" + "y" * 9000]
)
def test_every_answer_has_the_headers(web: TestClient, path: str) -> None:
    headers = web.get(path).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


def test_the_page_asks_nobody_else(web: TestClient) -> None:
    for path in PAGE:
        text = web.get(f"/{path}").text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text
        assert "innerHTML" not in text
    assert "style=" not in web.get("/").text


def test_the_page_says_everything_in_both_languages() -> None:
    text = (REPOSITORY / "src/llmscale/web/page/words.js").read_text(encoding="utf-8")
    english, chinese = text.split("en: {")[1].split("zh: {")
    import re

    keys = [set(re.findall(r"(\w+): \"", part)) for part in (english, chinese)]
    assert keys[0] == keys[1]
    page = (REPOSITORY / "src/llmscale/web/page/index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-say="(\w+)"', page)) <= keys[0]


def test_each_request_is_a_line_of_json(web: TestClient) -> None:
    LOGGED.clear()
    web.get("/api/params?model=gpt2")
    line = json.loads(LOGGED[-1])
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/params", 200)
    assert line["ms"] >= 0


def test_a_defect_is_said_without_its_insides(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("llmscale.web.app.answer", broken)
    answer = web.get("/api/params?model=a-new-one")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert any("a secret" in line for line in LOGGED)


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from time import sleep

    monkeypatch.setattr("llmscale.web.app.answer", lambda *_: sleep(0.5))
    assert client(seconds=0.05).get("/api/params?model=another").status_code == 503
