"""``models add``: an entry joins a catalogue, and nothing else in the file changes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from llmscale.answers.add import _modality, add_model
from llmscale.catalogue import entries as catalogue
from llmscale.errors import InputFileError, LlmscaleError, UsageError
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load
from tests.catalogue.conftest import Run
from tests.catalogue.mine import mine
from tests.helpers import TINY
from tests.helpers import TINY_TOTAL as TOTAL


def test_adding_makes_folder_and_file(run: Run, home: Path, config: str) -> None:
    status, out, err = run("models", "add", config, "--id", "my-model", "--name", "Mein Modell", "--licence", "MIT")
    assert (status, err) == (0, "")
    assert str(home) in out
    entry = catalogue.lookup("mein modell")
    assert (entry.id, entry.licence, entry.counted, entry.context, entry.modality) == (
        "my-model",
        "MIT",
        TOTAL,
        512,
        "text",
    )
    assert entry.config == TINY
    assert run("estimate", "my-model")[0] == 0
    assert [path.name for path in home.parent.iterdir()] == ["models.yaml"]


def test_adding_leaves_the_rest_as_it_is(file: str, config: str) -> None:
    added = add_model(os.path.dirname(config), "third", publisher="北京", catalogue=file)
    text = Path(file).read_text(encoding="utf-8")
    assert text.startswith(mine() + "\nthird:\n")
    assert "北京" in text
    assert (added.parameters, added.replaced, added.hides) == (TOTAL, False, ())


@pytest.mark.parametrize(
    "text", [mine().rstrip("\n"), mine().replace("\n", "\r\n"), "\ufeff" + mine(), "---\n" + mine()]
)
def test_adding_to_files_of_all_kinds(tmp_path: Path, config: str, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode())
    add_model(config, "third", catalogue=str(path))
    after = path.read_bytes().decode()
    assert after.startswith(text)
    assert ("\r\n" in text) == ("\r\n" in after[len(text) :])
    assert [entry.id for entry in catalogue.entries(str(path))][-3:] == ["tiny", "other-one", "third"]


@pytest.mark.parametrize("model_id", ["tiny", "other-one"])
def test_replacing_takes_only_its_own_block(file: str, config: str, model_id: str) -> None:
    with pytest.raises(UsageError, match=model_id):
        add_model(config, model_id, catalogue=file)
    assert Path(file).read_text(encoding="utf-8") == mine()
    added = add_model(config, model_id, name="New", force=True, catalogue=file)
    assert added.replaced
    text = Path(file).read_text(encoding="utf-8")
    before, after = mine().split(f"\n{model_id}:\n")
    assert text.startswith(f"{before}\n{model_id}:\n  name: New\n")
    kept = after[after.index("\n#" if model_id == "other-one" else "\n\n#") :]
    assert text.endswith(kept)
    assert catalogue.lookup(model_id, file).name == "New"


def test_a_shipped_name_is_taken_only_by_force(home: Path, config: str) -> None:
    for model_id, name in (("llama-2-7b", None), ("LLAMA 2".replace(" ", "-") + "-7B", None), ("x", "Llama-2-7b-hf")):
        with pytest.raises(UsageError, match="llama-2-7b"):
            add_model(config, model_id, name=name)
    assert not home.exists()
    assert add_model(config, "llama-2-7b", force=True).hides == ("llama-2-7b",)
    assert catalogue.lookup("meta-llama/Llama-2-7b-hf").counted == TOTAL


@pytest.mark.parametrize(
    "model_id",
    ["", "-x", "a b", "a/b", "7B", "8x7b", "123", "true", "null", "a:", "x.json", "misnomers", "x" * 101, "ü"],
)
def test_an_id_that_cannot_be_one(home: Path, config: str, model_id: str) -> None:
    with pytest.raises(UsageError):
        add_model(config, model_id)
    assert not home.exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"model_type": "nosuch"}', json.dumps({**TINY, "hidden_size": 0})]
)
def test_a_config_that_cannot_be_counted(run: Run, home: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="utf-8")
    assert run("models", "add", str(path), "--id", "mine")[0] == 4
    assert not home.parent.exists()


@pytest.mark.parametrize("text", ["{a: {name: x}}", "tiny: {}\n", mine() + "...\n", "{}\n"])
def test_a_file_that_cannot_be_added_to_stays(tmp_path: Path, config: str, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError):
        add_model(config, "third", catalogue=str(path))
    assert path.read_text(encoding="utf-8") == text
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["config.json", "mine.yaml"]


def test_text_at_the_end_that_would_grow_is_not_damaged(tmp_path: Path, config: str) -> None:
    path = tmp_path / "mine.yaml"
    text = mine().replace("# the end\n", "  note: |+\n    kept\n")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError, match="without changing another"):
        add_model(config, "third", catalogue=str(path))
    assert path.read_text(encoding="utf-8") == text


def test_a_write_that_fails_leaves_the_file(file: str, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputFileError, match="No space left"):
        add_model(config, "third", catalogue=file)
    assert Path(file).read_text(encoding="utf-8") == mine()
    assert not list(Path(file).parent.glob(".models-*"))


def test_a_folder_that_cannot_be_made(tmp_path: Path, config: str) -> None:
    (tmp_path / "wall").write_text("", encoding="utf-8")
    with pytest.raises(LlmscaleError) as caught:
        add_model(config, "third", catalogue=str(tmp_path / "wall" / "models.yaml"))
    assert caught.value.exit_status == 4


def test_links_and_modes_are_kept(tmp_path: Path, file: str, config: str) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    os.chmod(file, 0o640)
    add_model(config, "third", catalogue=str(link))
    assert link.is_symlink()
    assert os.stat(file).st_mode & 0o777 == 0o640
    assert "third" in yaml.safe_load(Path(file).read_text(encoding="utf-8"))


def test_what_was_added_as_json(run: Run, config: str, home: Path) -> None:
    told = json.loads(run("models", "add", config, "--id", "mine", "-o", "json")[1])
    assert told == {
        "schema": "llmscale/1",
        "command": "models add",
        "id": "mine",
        "catalogue": str(home),
        "parameters": TOTAL,
        "active_parameters": TOTAL,
        "replaced": False,
        "hides": [],
    }


@pytest.mark.parametrize(
    ("model", "modality"),
    [
        *(("llama-2-7b", "text"), ("vit-base", "vision"), ("convnext-tiny", "vision"), ("wav2vec2-base", "audio")),
        *(("whisper-tiny", "audio"), ("qwen2.5-vl-7b", "multimodal"), ("gemma-3n-e2b", "multimodal")),
    ],
)
def test_what_a_model_takes_in_is_told_by_what_it_is_made_of(model: str, modality: str) -> None:
    spec = load(model).known()
    assert _modality(spec, inventory(spec)) == modality
