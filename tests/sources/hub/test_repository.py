"""``hub:org/name`` against a real server: what is read, what is kept, and what of a server that misbehaves."""

from __future__ import annotations

import importlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmscale.sources.hub import wire
from tests import safetensors_files
from tests.gguf_files import TENSORS_OF_A_LLAMA, about, gguf_bytes
from tests.helpers import TINY, TINY_TOTAL, Answer, environment, process, run
from tests.sources.hub.server import Hub, Trick, body, bomb, cut, endless, serving, silent, slow, status, times

pytest.importorskip("huggingface_hub", reason="the extra [hub] is not installed: make test-extras")

from huggingface_hub import constants

NAME = "hub:org/name"
TOKEN = "hf_secretsecretsecret"
GGUF_BYTES = sum(each.bytes for each in TENSORS_OF_A_LLAMA)


def tiny_tensors() -> dict[str, tuple[str, tuple[int, ...]]]:
    """The tensors of `TINY`, by the names of a checkpoint."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {
        "model.embed_tokens.weight": ("BF16", (100, 64)),
        "lm_head.weight": ("BF16", (100, 64)),
        "model.norm.weight": ("BF16", (64,)),
    }
    for layer in range(2):
        block = f"model.layers.{layer}."
        rows = {"q": 64, "k": 32, "v": 32, "o": 64}
        found |= {f"{block}self_attn.{part}_proj.weight": ("BF16", (rows[part], 64)) for part in rows}
        found |= {f"{block}mlp.{part}_proj.weight": ("BF16", (128, 64)) for part in ("gate", "up")}
        found |= {f"{block}mlp.down_proj.weight": ("BF16", (64, 128))}
        found |= {f"{block}{part}.weight": ("BF16", (64,)) for part in ("input_layernorm", "post_attention_layernorm")}
    return found


def checkpoint(shards: int = 1) -> dict[str, bytes]:
    """The files of a repository of `TINY`."""
    tensors, files = tiny_tensors(), {"config.json": json.dumps(TINY).encode(), "README.md": b"# hello"}
    for number in range(shards):
        part = {name: tensors[name] for name in list(tensors)[number::shards]}
        called = "model.safetensors" if shards == 1 else f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        files[called] = safetensors_files.safetensors_bytes(part)
    return files


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub(checkpoint())
    with serving(found):
        yield found


@pytest.fixture
def user(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody with a token who uses that hub."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "hf"),
        "LLMSCALE_CACHE": str(tmp_path / "kept"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        "NO_PROXY": "*",
    }


def asked(user: dict[str, str], *arguments: str, patience: float = 0.3) -> Answer:
    """The program with this environment, which the library reads when it is imported, so it is read anew."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in user.items():
            patch.setenv(variable, value)
        importlib.reload(constants)
        patch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", patience)
        patch.setattr(wire, "BACK_OFF", 0.01)
        answer = run(*arguments)
    importlib.reload(constants)
    assert TOKEN not in answer.out + answer.err
    assert "Traceback" not in answer.err
    return answer


def test_a_process_of_its_own_says_the_same(hub: Hub, user: dict[str, str]) -> None:
    hub.files = checkpoint()
    own = process("params", NAME, "-o", "json", env=environment(**user))
    assert (own.status, own.err) == (0, "")
    assert own.out == asked(user, "params", NAME, "-o", "json").out


@pytest.mark.parametrize("shards", [1, 3])
def test_a_checkpoint_is_its_headers(hub: Hub, user: dict[str, str], shards: int) -> None:
    hub.files = checkpoint(shards)
    answer = asked(user, "estimate", NAME, "-o", "json")
    assert (answer.status, answer.err) == (0, "")
    told = answer.json()
    assert told["model"]["parameters"] == TINY_TOTAL
    assert [line["weights_bytes"] for line in told["estimates"]] == [2 * TINY_TOTAL]
    assert told["estimates"][0]["basis"]["weights"] == "exact"
    assert told["model"]["name"] == "org/name"


def test_data_are_not_downloaded(hub: Hub, user: dict[str, str]) -> None:
    hub.files["model.safetensors"] += b"\0" * (64 << 20)
    assert asked(user, "params", NAME).status == 0
    assert hub.sent < 1 << 20


@pytest.mark.parametrize("ranges", [True, False])
def test_gguf_by_quant_with_and_without_ranges(hub: Hub, user: dict[str, str], ranges: bool) -> None:
    whole = gguf_bytes(about(), TENSORS_OF_A_LLAMA)
    small = gguf_bytes(about(), TENSORS_OF_A_LLAMA[:-1])
    hub.files, hub.ranges = {"a-Q4_K_M.gguf": whole, "a-Q2_K.gguf": small, "mmproj-a-F16.gguf": b"no"}, ranges
    plain = asked(user, "estimate", NAME, "-o", "json").json()
    assert plain["estimates"][0]["weights_bytes"] == GGUF_BYTES
    assert plain["estimates"][0]["file_bytes"] == len(whole)
    assert "Q2_K 0.0 GB" in plain["notes"][0]["values"]["others"]
    named = asked(user, "estimate", f"{NAME}:q2_k", "-o", "json").json()
    assert named["estimates"][0]["weights_bytes"] == GGUF_BYTES - TENSORS_OF_A_LLAMA[-1].bytes
    missing = asked(user, "estimate", f"{NAME}:Q8_0")
    assert missing.status == 3
    assert "Q2_K" in missing.err
    assert "Q4_K_M" in missing.err


def test_a_long_vocabulary_is_read_in_pieces(hub: Hub, user: dict[str, str]) -> None:
    words = [f"token number {number} of a long vocabulary" for number in range(150_000)]
    metadata = {**about(), "tokenizer.ggml.tokens": words}
    hub.files = {"a.gguf": gguf_bytes(metadata, TENSORS_OF_A_LLAMA)}
    answer = asked(user, "estimate", NAME, "-o", "json")
    assert answer.json()["estimates"][0]["weights_bytes"] == GGUF_BYTES
    assert sum("resolve" in path for path, _ in hub.asked) > 1


def test_split_gguf_in_a_folder(hub: Hub, user: dict[str, str]) -> None:
    parts = [TENSORS_OF_A_LLAMA[:5], TENSORS_OF_A_LLAMA[5:]]
    hub.files = {
        f"Q8_0/a-Q8_0-{number:05d}-of-00002.gguf": gguf_bytes(about() if number == 1 else {}, part)
        for number, part in enumerate(parts, 1)
    }
    answer = asked(user, "estimate", f"{NAME}:Q8_0", "-o", "json")
    assert answer.json()["estimates"][0]["weights_bytes"] == GGUF_BYTES


def test_a_config_alone_is_counted_and_said(hub: Hub, user: dict[str, str]) -> None:
    hub.files = {"config.json": json.dumps(TINY).encode(), "pytorch_model.bin": b"x"}
    answer = asked(user, "params", NAME, "-o", "json")
    assert answer.json()["parameters"]["total"] == TINY_TOTAL


def test_a_revision_is_asked_for(hub: Hub, user: dict[str, str]) -> None:
    assert asked(user, "params", f"{NAME}@v1.0").status == 0
    assert hub.asked[0][0] == "/api/models/org/name/revision/v1.0?blobs=true"


def test_what_was_seen_works_offline(hub: Hub, user: dict[str, str]) -> None:
    online = asked(user, "estimate", NAME, "-o", "json").json()
    before = len(hub.asked)
    offline = asked({**user, "HF_HUB_OFFLINE": "1"}, "estimate", NAME, "-o", "json").json()
    assert len(hub.asked) == before
    assert offline["estimates"] == online["estimates"]
    assert next(told["code"] for told in offline["notes"]) == "hub_seen"


def test_a_second_time_only_the_list_is_asked_for(hub: Hub, user: dict[str, str]) -> None:
    asked(user, "params", NAME)
    before = len(hub.asked)
    asked(user, "params", NAME)
    assert [path.partition("?")[0] for path, _ in hub.asked[before:]] == ["/api/models/org/name/revision/main"]


def test_offline_the_library_s_own_cache_answers(user: dict[str, str], tmp_path: Path) -> None:
    base = tmp_path / "hf" / "hub" / "models--org--name"
    folder = base / "snapshots" / ("a" * 40)
    folder.mkdir(parents=True)
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("a" * 40)
    for name, data in checkpoint().items():
        (folder / name).write_bytes(data)
    told = asked({**user, "HF_HUB_OFFLINE": "1"}, "estimate", NAME, "-o", "json").json()
    assert told["estimates"][0]["weights_bytes"] == 2 * TINY_TOTAL
    assert told["notes"][0]["code"] == "hub_downloaded"


def test_offline_and_never_seen(user: dict[str, str]) -> None:
    answer = asked({**user, "HF_HUB_OFFLINE": "1"}, "params", NAME)
    assert answer.status == 5
    assert "HF_HUB_OFFLINE" in answer.err


def test_unreachable_the_catalogue_answers_and_says_so(user: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = {**user, "HF_ENDPOINT": f"http://127.0.0.1:{free.getsockname()[1]}"}
    known = asked(nobody, "params", "hub:Qwen/Qwen3-8B", "-o", "json")
    assert known.status == 0
    assert known.json()["parameters"]["total"] == 8190735360
    told = asked(nobody, "estimate", "hub:Qwen/Qwen3-8B", "-o", "json").json()["notes"]
    assert next(each["code"] for each in told) == "hub_catalogue"
    unknown = asked(nobody, "params", NAME)
    assert unknown.status == 5
    assert "cannot be reached" in unknown.err


def test_somebody_who_never_answers_is_given_up(user: dict[str, str]) -> None:
    with socket.socket() as full:  # listens, and nobody accepts
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        deaf = {**user, "HF_ENDPOINT": f"http://127.0.0.1:{full.getsockname()[1]}"}
        assert asked(deaf, "params", "hub:Qwen/Qwen3-8B").status == 0
        assert asked(deaf, "params", NAME).status == 5


@pytest.mark.parametrize(
    ("code", "headers", "exit_status", "words"),
    [
        (401, {}, 5, "hf auth login"),
        (403, {"X_Error_Code": "GatedRepo"}, 5, "licence"),
        (404, {}, 3, "no such repository"),
        (410, {}, 5, "410"),
        (429, {"Retry_After": "0"}, 5, "429"),
        (500, {}, 5, "500, 4 times"),
    ],
)
def test_statuses(
    hub: Hub, user: dict[str, str], code: int, headers: dict[str, str], exit_status: int, words: str
) -> None:
    hub.when("/api/", status(code, **headers))
    answer = asked(user, "params", NAME)
    assert (answer.status, answer.out) == (exit_status, "")
    assert words in answer.err


@pytest.mark.parametrize("trick", [status(500), status(429, Retry_After="0"), cut])
@pytest.mark.parametrize("where", ["/api/", "config.json", "model.safetensors"])
def test_what_passes_is_tried_again(hub: Hub, user: dict[str, str], trick: Trick, where: str) -> None:
    hub.when(where, times(2, trick))
    assert asked(user, "params", NAME).status == 0


def test_refused_of_a_model_that_the_catalogue_knows(hub: Hub, user: dict[str, str]) -> None:
    hub.when("/api/", status(401, X_Error_Code="GatedRepo"))
    told = asked(user, "estimate", "hub:meta-llama/Llama-3.1-8B", "-o", "json").json()
    assert told["model"]["parameters"] == 8030261248
    assert "licence" in told["notes"][0]["values"]["why"]


def test_the_token_goes_to_the_hub_and_not_where_it_leads(hub: Hub, user: dict[str, str]) -> None:
    other = Hub(hub.files)
    with serving(other):

        def away(on: object) -> bool:
            return status(302, Location=f"{other.url}{on.path}")(on)  # type: ignore[attr-defined, arg-type]

        hub.when("/resolve/", away)
        assert asked(user, "params", NAME).status == 0
    assert {headers.get("authorization") for _, headers in hub.asked} == {f"Bearer {TOKEN}"}
    assert len(other.asked) == 2
    assert all("authorization" not in headers and "cookie" not in headers for _, headers in other.asked)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://[", "", "http://\x7f"])
def test_where_a_redirect_must_not_lead(hub: Hub, user: dict[str, str], target: str) -> None:
    hub.when("/resolve/", status(302, Location=target))
    answer = asked(user, "params", NAME)
    assert (answer.status, answer.out) == (5, "")


@pytest.mark.parametrize(
    ("trick", "words"),
    [
        (endless, "more than"),
        (bomb, "packed"),
        (cut, "no whole answer"),
        (slow, "too slow"),
        (silent, "no whole answer"),
        (body(b"<html>log in"), "login page"),
        (body(b"[" * 100_000), "login page"),
        (body(b"{}"), "does not say"),
        (body(b'{"sha": "../../../etc", "siblings": []}'), "does not say"),
        (body(b"x", Content_Length=str(1 << 46)), "more than are expected"),
    ],
)
def test_lists_that_are_none(hub: Hub, user: dict[str, str], trick: Trick, words: str) -> None:
    hub.when("/api/", trick)
    answer = asked(user, "params", NAME, patience=0.3 if trick in (slow, silent) else 10)
    assert (answer.status, answer.out) == (5, "")
    assert words in answer.err
    assert hub.sent < 128 << 20


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((1 << 62).to_bytes(8, "little") + b"{}", "4,611,686,018,427,387,904"),
        (b"\0" * 100, "0 bytes"),
        (b"", "0 bytes"),
        ((50).to_bytes(8, "little") + b"{" * 50, "not JSON"),
        ((5000).to_bytes(8, "little") + b"{" * 50, "ends inside"),
    ],
)
def test_headers_that_are_none(hub: Hub, user: dict[str, str], data: bytes, words: str) -> None:
    hub.files["model.safetensors"] = data
    answer = asked(user, "params", NAME)
    assert (answer.status, answer.out) == (4, "")
    assert words in answer.err


@pytest.mark.parametrize("data", [b"GGUF", b"GGUF\3\0\0\0" + b"\xff" * 16, b"NOPE" * 1000, b""])
def test_gguf_that_is_none(hub: Hub, user: dict[str, str], data: bytes) -> None:
    hub.files = {"a-Q4_K_M.gguf": data}
    answer = asked(user, "params", NAME)
    assert (answer.status, answer.out) == (4, "")


def test_paths_that_lead_out_are_not_there(hub: Hub, user: dict[str, str], tmp_path: Path) -> None:
    hub.files |= {"../../../out.gguf": b"x", "a/../../../../out.safetensors": b"x", "C:\\out.gguf": b"x"}
    assert asked(user, "params", NAME).status == 0
    assert not list(tmp_path.rglob("*out*"))


@pytest.mark.parametrize(
    "reference", ["hub:", "hub:a/b/c", "hub:../x", "hub:org/..", "hub:a b/c", "hub:org/name@", "hub:/"]
)
def test_what_is_no_repository(user: dict[str, str], hub: Hub, reference: str) -> None:
    assert asked(user, "params", reference).status == 2
    assert not hub.asked


def test_a_folder_that_cannot_be_written(user: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = asked({**user, "LLMSCALE_CACHE": str(tmp_path / "file")}, "params", NAME)
    assert answer.status == 4
    assert "LLMSCALE_CACHE" in answer.err


def test_other_names_ask_nobody(hub: Hub, user: dict[str, str]) -> None:
    answer = asked(user, "params", "org/name")
    assert answer.status == 3
    assert "hub:org/name asks the hub" in answer.err
    assert asked(user, "params", "Qwen/Qwen3-8B").status == 0
    assert not hub.asked
