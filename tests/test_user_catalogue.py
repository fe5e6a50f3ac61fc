"""A user's own catalogue: what is found in it, what is refused, and that adding to it harms nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmscale.answers.add import add_model
from llmscale.answers.check import check_models
from llmscale.answers.compare import compare
from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.lists import list_models, show_model
from llmscale.answers.needs import needs
from llmscale.answers.params import params
from llmscale.catalogue import entries as catalogue
from llmscale.catalogue import user as user_catalogue
from llmscale.cli.app import main
from llmscale.errors import InputFileError, LlmscaleError, NotFoundError, UsageError

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 512,
}
TOTAL = 2 * 100 * 64 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64) + 64

#: Written by hand: a comment on top, one between the entries, one at the end; `{more}` takes further fields.
MINE = """# mine, all mine

tiny:
  name: The Tiny One   # said so myself
  aliases: [me/The-Tiny-Chat]
  publisher: me
  modality: text
  released: "2025-03"
  licence: MIT
  open: true
  source: https://example.org/tiny
  config: {config}

# the second
other-one:
  name: Other
  publisher: me
  modality: text
  released: "2024-01"
  licence: MIT
  open: false
  source: here
  parameters: 3B
# the end
"""


def mine(**changes: Any) -> str:
    return MINE.replace("{config}", json.dumps({**CONFIG, **changes}))


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder; the path of the catalogue in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LLMSCALE_CATALOGUE", raising=False)
    return tmp_path / "home" / "llmscale" / "models.yaml"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program in this process: status, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["llmscale", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return (int(stop.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG), encoding="utf-8")
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(mine(), encoding="utf-8")
    return str(path)


# -- which file --------------------------------------------------------------------------------


def test_the_named_file_then_the_variable_then_the_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_catalogue.location() is None
    home.parent.mkdir(parents=True)
    home.write_text("", encoding="utf-8")
    assert user_catalogue.location() == str(home)
    monkeypatch.setenv("LLMSCALE_CATALOGUE", "~/some.yaml")
    assert user_catalogue.location() == os.path.expanduser("~/some.yaml")
    assert user_catalogue.location("that.yaml") == "that.yaml"


@pytest.mark.parametrize(
    ("platform", "end"),
    [
        ("linux", ".config/llmscale/models.yaml"),
        ("darwin", "Library/Application Support/llmscale/models.yaml"),
        ("win32", "roaming/llmscale/models.yaml"),
    ],
)
def test_the_folder_of_each_system(platform: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/ignored")
    monkeypatch.setenv("APPDATA", "/users/me/roaming")
    monkeypatch.setattr(sys, "platform", platform)
    assert user_catalogue.default_location().endswith(end)


def test_nothing_of_yaml_is_imported_without_a_file_of_ones_own() -> None:
    catalogue.lookup("gpt2")  # in a checkout the first reading after a change compiles the tables
    code = "import sys, llmscale; llmscale.params('llama-2-7b'); print('yaml' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


# -- what is found -----------------------------------------------------------------------------


def test_every_command_finds_a_users_model(file: str) -> None:
    counted = params("tiny", catalogue=file).parameters
    assert counted is not None
    assert counted.total == TOTAL
    assert estimate("me/The-Tiny-Chat", ["fp16"], catalogue=file).estimates[0].weights_bytes == 2 * TOTAL
    assert estimate("Other", catalogue=file).model.parameters == 3_000_000_000
    assert [m.id for m in compare(["the tiny chat", "gpt2"], catalogue=file).models] == ["tiny", "gpt2"]
    assert needs("tiny", catalogue=file).model.id == "tiny"
    for asked in ([], ["tiny"]):
        found = fits("24GiB", asked, catalogue=file)
        assert "tiny" in [line.id for line in found.models]  # type: ignore[union-attr]
    with pytest.raises(NotFoundError):
        params("tiny")


def test_it_is_marked_in_lists(file: str) -> None:
    shipped = list_models().models
    both = list_models(catalogue=file).models
    assert {line.source for line in shipped} == {"llmscale"}
    assert [(line.id, line.source) for line in both[len(shipped) :]] == [("tiny", "user"), ("other-one", "user")]
    shown = show_model("tiny", catalogue=file)
    assert (shown.model.source, shown.catalogue) == ("user", file)
    assert show_model("gpt2", catalogue=file).catalogue == ""


def test_check_recounts_it(tmp_path: Path) -> None:
    path = tmp_path / "stated.yaml"
    path.write_text(mine().replace("  open: true\n", "  open: true\n  parameters: 90K\n"), encoding="utf-8")
    line = next(line for line in check_models(catalogue=str(path)).differing if line.source == "user")
    assert (line.id, line.stated, line.counted, line.explained) == ("tiny", 90_000, TOTAL, False)


def test_it_lies_over_the_shipped_one_by_id(tmp_path: Path) -> None:
    path = tmp_path / "over.yaml"
    path.write_text(mine().replace("tiny:", "LLaMA-2-7B:"), encoding="utf-8")
    ids = [entry.id for entry in catalogue.entries(str(path))]
    shipped = [entry.id for entry in catalogue.entries()]
    assert ids.index("LLaMA-2-7B") == shipped.index("llama-2-7b")
    assert len(ids) == len(shipped) + 1
    for name in ("llama-2-7b", "meta-llama/Llama-2-7b-hf", "The Tiny One"):
        assert catalogue.lookup(name, str(path)).publisher == "me"
    assert catalogue.lookup("llama-2-7b").publisher == "Meta"


def test_its_aliases_win_over_shipped_ones(tmp_path: Path) -> None:
    path = tmp_path / "over.yaml"
    path.write_text(mine().replace("me/The-Tiny-Chat", "Llama-2-7b-hf, llama-2-65b"), encoding="utf-8")
    assert catalogue.lookup("llama-2-7b-hf", str(path)).id == "tiny"
    assert catalogue.lookup("llama-2-65b", str(path)).id == "tiny"
    assert catalogue.lookup("llama-2-7b", str(path)).id == "llama-2-7b"


def test_a_changed_file_is_read_again(file: str) -> None:
    assert catalogue.lookup("tiny", file).name == "The Tiny One"
    Path(file).write_text(mine().replace("The Tiny One", "Another Name"), encoding="utf-8")
    assert catalogue.lookup("tiny", file).name == "Another Name"


def test_an_empty_file_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing yet\n", encoding="utf-8")
    assert len(list(catalogue.entries(str(path)))) == len(list(catalogue.entries()))


def test_misnomers_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(mine() + "misnomers:\n  small-one: {answer: It is called tiny., suggest: [tiny]}\n", "utf-8")
    with pytest.raises(NotFoundError, match="It is called tiny"):
        catalogue.lookup("small-one", str(path))


def test_the_option_and_the_variable(run: Run, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (
        ["estimate", "tiny"],
        ["params", "tiny"],
        ["compare", "tiny", "gpt2"],
        ["needs", "tiny"],
        ["fits", "24GiB", "tiny"],
        ["models", "show", "tiny"],
    ):
        assert run(*arguments)[0] == 3
        status, out, err = run(*arguments, "--catalogue", file)
        assert (status, err) == (0, "")
        assert "tiny" in out.lower()
        monkeypatch.setenv("LLMSCALE_CATALOGUE", file)
        assert run(*arguments)[1] == out
        monkeypatch.delenv("LLMSCALE_CATALOGUE")
    for arguments in (["models"], ["models", "list"], ["models", "check"]):
        assert run(*arguments, "--catalogue", file)[::2] == (0, "")
    assert "other-one" in run("models", "--catalogue", file, "list")[1]


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("open: true", "open: perhaps", 10, "tiny: open"),
        ("licence: MIT", "licence: 3", 9, "tiny: licence"),
        ("modality: text", "modes: text", 7, "tiny: modes: no such field"),
        ("  publisher: me\n", "", 3, "tiny: publisher"),
        ("parameters: 3B", "parameters: many", 23, "other-one: parameters"),
        ("parameters: 3B", "parameters: -3", 23, "other-one: parameters"),
        ("parameters: 3B", "name: twice", 23, "'name' is given twice"),
        ("other-one:", "TINY:", 15, "same name"),
        ("name: Other", "name: Other\n  aliases: [tiny]", 17, "alias 'tiny'"),
        ('"hidden_size": 64', '"hidden_size": -1', 12, "hidden_size"),
        ('"llama"', '"nosuch"', 12, "nosuch"),
        ('"vocab_size": 100', '"vocab_size": 2024-01-01', 12, "tiny: config"),
        ("other-one:", "12:", 15, "12: id"),
        ("name: Other", "id: different", 16, "id: no such field"),
        ("# the end", "misnomers: {x: {answer: 3}}", 24, "misnomers.x.answer"),
        ("name: Other", "name: [", None, "cannot be read as YAML"),
        ("name: Other", "name: 2024-13-45", None, "cannot be read"),
        ("name: Other", "name: !!python/name:os.system", 16, "cannot be read as YAML"),
    ],
)
def test_a_bad_file_is_refused_with_file_line_and_field(
    run: Run, tmp_path: Path, old: str, new: str, line: int | None, said: str
) -> None:
    path = tmp_path / "bad.yaml"
    assert old in mine()
    path.write_text(mine().replace(old, new, 1), encoding="utf-8")
    status, out, err = run("estimate", "tiny", "--catalogue", str(path))
    assert (status, out) == (4, "")
    assert said in err
    assert str(path) in err
    if line:
        assert f"line {line}" in err


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- a list", b"just words", b"{1: {2: 3, x: 4}}", b"\x00"])
def test_a_file_of_something_else(run: Run, tmp_path: Path, config: str, content: bytes) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    assert run("models", "list", "--catalogue", str(path))[0] == 4
    assert run("models", "add", config, "--id", "new", "--catalogue", str(path))[0] == 4
    assert path.read_bytes() == content


def test_an_entry_that_says_no_size_gives_none(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(mine().replace("  parameters: 3B\n", ""), encoding="utf-8")
    status, out, err = run("estimate", "other-one", "--catalogue", str(path))
    assert (status, out) == (3, "")
    assert "says no size" in err


def test_a_named_file_that_is_not_there(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        assert run("params", "gpt2", "--catalogue", str(path))[0] == 4


# -- models add --------------------------------------------------------------------------------


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
    assert entry.config == CONFIG
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
    "content", ["", "[]", "{}", '{"model_type": "nosuch"}', json.dumps({**CONFIG, "hidden_size": 0})]
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
