"""``models local``: what Ollama, the hub, llama.cpp, LM Studio and MLX have on this disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from llmscale.answers import stored
from llmscale.answers.stored import local_models
from llmscale.errors import NotFoundError
from llmscale.sources.stores import folders, registry
from tests.gguf_files import TENSORS_OF_A_LLAMA, about, gguf_bytes
from tests.helpers import TINY, Answer, good, run
from tests.safetensors_files import write as write_safetensors

GGUF = gguf_bytes(about(), TENSORS_OF_A_LLAMA)
TENSORS = {"model.embed_tokens.weight": ("BF16", (100, 64))}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
VARIABLES = ("OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "LLAMA_CACHE")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without models, and nothing in the environment that names another."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("llmscale.sources.ollama_store.SERVICE", str(tmp_path / "no" / "service"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def local(*more: str) -> Answer:
    return good("models", "local", "--gpu", "rtx4090", *more)


def models(*more: str) -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in local("-o", "json", *more).json()["models"]}


def unreadable() -> dict[str, str]:
    return {one["path"]: one["why"] for one in local("-o", "json").json()["unreadable"]}


def put(path: Path, data: bytes = GGUF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def snapshot(root: Path, repository: str, files: dict[str, bytes], commit: str = COMMIT, main: bool = True) -> Path:
    """A repository as huggingface_hub keeps it: files are links to blobs."""
    base = root / f"models--{repository.replace('/', '--')}"
    folder = base / "snapshots" / commit
    for number, (name, data) in enumerate(files.items()):
        blob = put(base / "blobs" / f"{commit[:8]}{number}", data)
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    if main:
        put(base / "refs" / "main", commit.encode())
    return folder


def manifest(store: Path, name: str, digest: str = "a" * 64) -> None:
    layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}]
    towers = {"mediaType": "application/vnd.ollama.image.projector", "digest": f"sha256:{'c' * 64}", "size": 1}
    path = store / "manifests" / "registry.ollama.ai" / "library" / name / "latest"
    put(path, json.dumps({"layers": [*layers, *([towers] if name == "sees" else [])]}).encode())


def test_nothing_is_one_line_on_where_it_looked(home: Path) -> None:
    said = local().out.strip()
    assert "\n" not in said
    for folder in (".ollama/models", ".cache/huggingface/hub", ".cache/llama.cpp", ".lmstudio/models"):
        assert f"~/{folder}" in said
    assert "以下目录中没有模型" in local("--lang", "zh").out


def test_ollama(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home / "elsewhere"
    monkeypatch.setenv("OLLAMA_MODELS", str(store))
    put(store / "blobs" / f"sha256-{'a' * 64}")
    put(store / "blobs" / f"sha256-{'c' * 64}", b"123")
    manifest(store, "small")
    manifest(store, "sees")
    manifest(store, "gone", "b" * 64)
    found = models()
    assert found["small:latest"]["size_bytes"] == len(GGUF)
    assert found["sees:latest"]["size_bytes"] == len(GGUF) + 3
    assert found["small:latest"]["reference"] == "ollama:small:latest"
    assert found["small:latest"]["keeper"] == "Ollama"
    assert "'gone:latest' is in it" in "".join(unreadable().values())


def test_a_reference_is_what_to_type(home: Path) -> None:
    put(home / ".lmstudio" / "models" / "me" / "it" / "it-Q4_K_M.gguf")
    said = good("estimate", models()["me/it/it-Q4_K_M"]["reference"], "--gpu", "rtx4090", "-o", "json").json()
    assert said["estimates"][0]["total_bytes"] == models()["me/it/it-Q4_K_M"]["total_bytes"]


def test_what_is_said_of_a_file(home: Path) -> None:
    put(home / ".lmstudio" / "models" / "me" / "it" / "it-Q4_K_M.gguf")
    one = models()["me/it/it-Q4_K_M"]
    weights = sum(each.bytes for each in TENSORS_OF_A_LLAMA)
    elements = one["parameters"]
    assert (one["kind"], one["main_format"], one["fits"]) == ("GGUF", "Q8_0", True)
    assert one["bits_per_weight"] == pytest.approx(8 * weights / elements)
    assert models("--gpu", "rtx4090", "-c", "1k")["me/it/it-Q4_K_M"]["context"] == 1024


def test_the_hub_s_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.setenv("HF_HUB_CACHE", "")
    cache = home / "hf" / "hub"
    snapshot(cache, "me/it-GGUF", {"it-Q8_0.gguf": GGUF, "mmproj-it.gguf": b"12345"})
    snapshot(cache, "me/it-GGUF", {"it-Q8_0.gguf": GGUF + b"\0" * 32}, commit="f" * 40, main=False)
    found = models()
    assert found["me/it-GGUF/it-Q8_0"]["size_bytes"] == len(GGUF)
    assert found["me/it-GGUF@ffffffff/it-Q8_0"]["size_bytes"] == len(GGUF) + 32
    towers = found["me/it-GGUF/mmproj-it"]
    assert (towers["kind"], towers["size_bytes"], towers["fits"]) == ("GGUF mmproj", 5, None)


def test_checkpoints_and_mlx(home: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    write_safetensors(made, TENSORS, shards=1)
    (made / "config.json").write_text(json.dumps(TINY))
    plain = {path.name: path.read_bytes() for path in made.iterdir()}
    quantised = json.dumps({**TINY, "quantization": {"bits": 4, "group_size": 64}}).encode()
    cache = home / ".cache" / "huggingface" / "hub"
    snapshot(cache, "me/plain", plain)
    snapshot(cache, "mlx-community/it-4bit", {**plain, "config.json": quantised})
    found = models()
    assert found["me/plain"]["kind"] == "safetensors"
    assert found["me/plain"]["size_bytes"] == len(plain["model.safetensors"])
    assert found["mlx-community/it-4bit"]["kind"] == "MLX"


def test_parts_are_one_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CACHE", str(home / "cache"))
    half = len(TENSORS_OF_A_LLAMA) // 2
    first = gguf_bytes(about(), TENSORS_OF_A_LLAMA[:half])
    second = gguf_bytes({}, TENSORS_OF_A_LLAMA[half:])
    put(home / "cache" / "it-00001-of-00002.gguf", first)
    put(home / "cache" / "it-00002-of-00002.gguf", second)
    one = models()["it"]
    assert one["size_bytes"] == len(first) + len(second)
    assert one["keeper"] == "llama.cpp -hf"


def test_a_cache_of_newer_llama_cpp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CACHE", str(home / "cache"))
    snapshot(home / "cache", "me/it", {"a.gguf": GGUF})
    assert list(models()) == ["me/it/a"]


@pytest.mark.parametrize("pointed", [True, False])
def test_where_lm_studio_says_that_its_models_are(home: Path, pointed: bool) -> None:
    base = home / "studio" if pointed else home / ".cache" / "lm-studio"
    if pointed:
        (home / ".lmstudio-home-pointer").write_text(f"{base}\n")
    put(base / "models" / "a" / "b" / "c.gguf")
    assert list(models()) == ["a/b/c"]
    (base / "settings.json").write_text(json.dumps({"downloadsFolder": str(home / "chosen")}))
    put(home / "chosen" / "d" / "e" / "f.gguf")
    assert list(models()) == ["d/e/f"]


@pytest.mark.parametrize("content", ["", "relative/path", "/a\0b", "x" * 5000, "\udcff"])
def test_a_pointer_that_points_nowhere(home: Path, content: str) -> None:
    (home / ".lmstudio-home-pointer").write_bytes(content.encode("utf-8", "surrogateescape"))
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "settings.json").write_text("[1]" if content else '{"downloadsFolder": "relative"}')
    put(home / ".lmstudio" / "models" / "a" / "b" / "c.gguf")
    assert list(models()) == ["a/b/c"]


def test_a_folder_is_listed_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = home / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("LLAMA_CACHE", str(cache))
    snapshot(cache, "me/it", {"a.gguf": GGUF})
    said = local("-o", "json").json()
    assert [model["keeper"] for model in said["models"]] == ["Hugging Face"]


def test_broken_files_are_named_and_the_others_listed(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "me" / "it"
    put(folder / "good.gguf")
    put(folder / "cut.gguf", GGUF[:100])
    put(folder / "empty.gguf", b"")
    put(folder / "other.gguf", b"\x1b[31mnothing")
    (folder / "folder.gguf").mkdir()
    (folder / "gone.gguf").symlink_to(folder / "nothing.gguf")
    put(folder / "half" / "part-00001-of-00002.gguf")
    put(folder / "shards" / "model.safetensors.index.json", b'{"weight_map": {"a": "../../x.safetensors"}}')
    put(folder / "mlx" / "model.safetensors", b"12")
    put(folder / "mlx" / "config.json", b"{")
    assert list(models()) == ["me/it/good"]
    said = {Path(path).name: why for path, why in unreadable().items()}
    bad = ("cut.gguf", "empty.gguf", "other.gguf", "gone.gguf", "part-00001-of-00002.gguf", "shards", "mlx")
    assert set(said) == set(bad)
    assert "No such file" in said["gone.gguf"]
    assert "\x1b" not in local().out


@pytest.mark.parametrize("layers", ["{", '{"layers": []}', '{"layers": [{"mediaType": 1}]}', "[]"])
def test_a_manifest_without_a_model(home: Path, layers: str) -> None:
    put(home / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / "library" / "x" / "latest", layers.encode())
    assert list(unreadable()) == ["ollama:x:latest"]


def test_a_pipe_is_not_read(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "a"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.gguf")
    assert unreadable() == {str(folder / "pipe.gguf"): "no file"}


def test_for_a_pipe_into_which_nobody_writes_nobody_waits(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "a"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "model.safetensors.index.json")
    os.mkfifo(home / ".lmstudio-home-pointer")
    refs = home / ".cache" / "huggingface" / "hub" / "models--me--it" / "refs"
    refs.mkdir(parents=True)
    os.mkfifo(refs / "main")
    assert "nobody writes into this pipe" in unreadable()[str(folder)]


@pytest.mark.parametrize("name", ["x.gguf", "x.safetensors", "x.bin", "config.json"])
def test_a_pipe_that_is_named_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    answer = run("params", str(tmp_path / name))
    assert (answer.status, answer.out) == (4, "")
    assert "nobody writes into this pipe" in answer.err


def test_a_pipe_of_a_writer_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "config.json"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(json.dumps(TINY),))
    writer.start()
    answer = run("params", str(pipe))
    writer.join()
    assert answer.status == 0, answer.err


def test_no_link_leads_out(home: Path) -> None:
    outside = put(home / "outside" / "secret.gguf").parent
    folder = home / ".lmstudio" / "models"
    put(folder / "a" / "inside.gguf")
    (folder / "a" / "file.gguf").symlink_to(outside / "secret.gguf")
    (folder / "a" / "same.gguf").symlink_to(folder / "a" / "inside.gguf")
    (folder / "b").symlink_to(outside)
    cache = home / ".cache" / "huggingface" / "hub"
    snapshot(cache, "me/it", {"ok.gguf": GGUF})
    (cache / "models--me--it" / "snapshots" / COMMIT / "out.gguf").symlink_to(outside / "secret.gguf")
    (cache / "models--a--b").symlink_to(outside)
    store = home / ".ollama" / "models"
    manifest(store, "out")
    (store / "blobs").mkdir()
    (store / "blobs" / f"sha256-{'a' * 64}").symlink_to(outside / "secret.gguf")
    (store / "manifests" / "registry.ollama.ai" / "library" / "linked").mkdir()
    put(home / "outside" / "manifest", b'{"layers": []}')
    (store / "manifests" / "registry.ollama.ai" / "library" / "linked" / "latest").symlink_to(outside / "manifest")
    assert sorted(models()) == ["a/inside", "a/same", "me/it/ok"]
    assert sum("which is not followed" in why for why in unreadable().values()) == 6


def test_a_config_out_of_the_folder_is_not_read(home: Path) -> None:
    put(home / "outside" / "config.json", json.dumps({"quantization": {"bits": 4, "group_size": 64}}).encode())
    folder = home / ".lmstudio" / "models" / "a"
    folder.mkdir(parents=True)
    write_safetensors(folder, TENSORS)
    (folder / "config.json").symlink_to(home / "outside" / "config.json")
    assert [kind for _, kind in _kinds(folder.parent)] == ["safetensors"]


def _kinds(root: Path) -> list[tuple[str, str]]:
    found = folders.models_in(str(root))
    return [(one.name, one.kind.value) for one in found if isinstance(one, folders.KeptModel)]


def test_a_folder_with_everything_is_not_walked_to_its_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_ENTRIES", 3)
    for name in "abcdef":
        put(home / ".lmstudio" / "models" / name / "x.gguf")
    assert any("more than 3 files" in why for why in unreadable().values())


def test_headers_are_not_read_for_ever(home: Path) -> None:
    put(home / ".lmstudio" / "models" / "a" / "x.gguf")
    said = local_models("rtx4090", seconds=-1.0)
    assert [(model.size_bytes, model.fits) for model in said.models] == [(len(GGUF), None)]
    assert [told.code for told in said.notes] == ["local_late"]


def test_a_file_that_goes_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(home / ".lmstudio" / "models" / "a" / "x.gguf")
    found = list(folders.models_in(str(path.parent)))
    path.unlink()
    store = registry.Store("LM Studio", str(path.parent), lambda _: iter(found))
    monkeypatch.setattr(stored, "stores", lambda: iter([store]))
    assert unreadable() == {str(path): "No such file or directory"}


def test_what_fits_is_what_estimate_says(home: Path) -> None:
    put(home / ".lmstudio" / "models" / "a" / "x.gguf")
    path = str(home / ".lmstudio" / "models" / "a" / "x.gguf")
    for device in ("rtx4090", "1GB"):
        said = good("estimate", path, "--gpu", device, "-o", "json").json()["estimates"][0]["devices"][0]["fits"]
        listed = good("models", "local", "--gpu", device, "-o", "json").json()["models"][0]
        assert (listed["fits"], listed["may_fit"]) == (said, said)


def test_this_machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / ".lmstudio" / "models" / "a" / "x.gguf")
    asked: list[str] = []
    real = stored.named_devices

    def named(names: list[str]) -> Any:
        asked.extend(names)
        if names == ["local"]:
            raise NotFoundError("none")
        return real(["cpu:64GB"])

    monkeypatch.setattr(stored, "named_devices", named)
    said = good("models", "local")
    assert asked == ["local", "cpu"]
    assert "1 fit CPU" in said.out


def test_what_is_not_modelled_here_is_a_dash(home: Path) -> None:
    put(home / ".lmstudio" / "models" / "a" / "x.gguf")
    said = good("models", "local", "--gpu", "tpu v5e", "-o", "json").json()
    assert [model["fits"] for model in said["models"]] == [None]
    assert [told["code"] for told in said["notes"]] == ["local_not_modelled"]


def test_a_machine_that_says_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / ".lmstudio" / "models" / "a" / "x.gguf")

    def named(names: list[str]) -> Any:
        raise NotFoundError("none")

    monkeypatch.setattr(stored, "named_devices", named)
    said = good("models", "local", "-o", "json").json()
    assert (said["device"], said["models"][0]["fits"]) == (None, None)
    assert "--gpu names a device" in good("models", "local").out


def test_a_device_that_nobody_knows(home: Path) -> None:
    assert run("models", "local", "--gpu", "nosuchcard").status == 3


def test_the_table(home: Path) -> None:
    folder = home / ".lmstudio" / "models" / "me" / "it"
    put(folder / "good.gguf")
    put(folder / "bad.gguf", b"x")
    said = local("--width", "110").out
    assert "Models on this disk: 1" in said
    assert "Cannot be read" in said
    assert said.strip().endswith(f"llmscale estimate {folder / 'good.gguf'}")
    assert "本机磁盘上有 1 个模型" in local("--lang", "zh").out


@pytest.mark.parametrize(
    ("platform", "folder"),
    [("darwin", "Library/Caches/llama.cpp"), ("win32", "AppData/llama.cpp"), ("linux", ".cache/llama.cpp")],
)
def test_the_cache_of_each_system(home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, folder: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("LOCALAPPDATA", str(home / "AppData"))
    assert str(home / folder) in [store.folder for store in registry.stores()]
