"""``ollama:NAME`` reads the store on the disk: manifest, blob, and nothing outside of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gguf_files import TENSORS_OF_A_LLAMA, about, gguf_bytes
from tests.helpers import run

MODEL = "application/vnd.ollama.image.model"
DIGEST = "a" * 64
BYTES = sum(each.bytes for each in TENSORS_OF_A_LLAMA)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / f"sha256-{DIGEST}").write_bytes(gguf_bytes(about(), TENSORS_OF_A_LLAMA))
    return tmp_path


def manifest(store: Path, *path: str, digest: str = f"sha256:{DIGEST}", kind: str = MODEL, more: object = None) -> None:
    where = store.joinpath("manifests", *path)
    where.parent.mkdir(parents=True, exist_ok=True)
    layers = [{"mediaType": kind, "digest": digest, "size": 7}, *([more] if more else [])]
    where.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))


LIBRARY = ("registry.ollama.ai", "library", "small")


@pytest.mark.parametrize(
    ("path", "called"),
    [
        ((*LIBRARY, "latest"), "small"),
        ((*LIBRARY, "8b"), "small:8b"),
        (("registry.ollama.ai", "me", "small", "8b"), "me/small:8b"),
        (("hf.co", "me", "small-GGUF", "Q4_K_M"), "hf.co/me/small-GGUF:Q4_K_M"),
    ],
)
def test_names(store: Path, path: tuple[str, ...], called: str) -> None:
    manifest(store, *path)
    said = run("estimate", f"ollama:{called}", "-o", "json")
    assert said.status == 0, said.err
    assert said.json()["estimates"][0]["weights_bytes"] == BYTES
    assert said.json()["model"]["name"] == called


def test_what_ollama_loads_beside_it_is_said(store: Path) -> None:
    projector = {"mediaType": "application/vnd.ollama.image.projector", "digest": f"sha256:{'b' * 64}", "size": 1234}
    manifest(store, *LIBRARY, "latest", more=projector)
    assert "1,234 bytes of towers" in run("estimate", "ollama:small").out


def test_what_is_not_there_names_what_is(store: Path) -> None:
    manifest(store, *LIBRARY, "8b")
    said = run("estimate", "ollama:smal:8b")
    assert (said.status, "small:8b" in said.err) == (3, True)


@pytest.mark.parametrize("called", ["../../x", "a/b/c/d/e", "", "/etc/passwd", "..:..", "a\x1b[31m", "x:../../y"])
def test_no_name_leads_out_of_the_store(store: Path, called: str) -> None:
    said = run("estimate", f"ollama:{called}")
    assert said.status == 3
    assert "\x1b" not in said.err


@pytest.mark.parametrize("digest", ["sha256:../../../etc/passwd", "sha256:" + "A" * 64, "md5:1", "x"])
def test_no_manifest_leads_out_of_the_store(store: Path, digest: str) -> None:
    manifest(store, *LIBRARY, "latest", digest=digest)
    said = run("estimate", "ollama:small")
    assert (said.status, "names no model" in said.err) == (4, True)


def test_a_blob_that_is_missing(store: Path) -> None:
    manifest(store, *LIBRARY, "latest", digest=f"sha256:{'c' * 64}")
    assert run("estimate", "ollama:small").status == 4
