"""A user's own catalogue: which file it is, what is found in it, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmscale.answers.check import check_models
from llmscale.answers.compare import compare
from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.lists import list_models, show_model
from llmscale.answers.needs import needs
from llmscale.answers.params import params
from llmscale.catalogue import entries as catalogue
from llmscale.catalogue import user as user_catalogue
from llmscale.errors import NotFoundError
from tests.catalogue.conftest import Run
from tests.catalogue.mine import mine
from tests.helpers import TINY_TOTAL as TOTAL

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
        found = fits("24GiB", asked, everything=True, catalogue=file)
        assert "tiny" in [line.id for line in found.models]  # type: ignore[union-attr]
    with pytest.raises(NotFoundError):
        params("me/The-Tiny-Chat")


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
        ["estimate", "me/The-Tiny-Chat"],
        ["params", "me/The-Tiny-Chat"],
        ["compare", "me/The-Tiny-Chat", "gpt2"],
        ["needs", "me/The-Tiny-Chat"],
        ["fits", "24GiB", "me/The-Tiny-Chat"],
        ["models", "show", "me/The-Tiny-Chat"],
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
        ("modality: text", "modality: smell", 7, "tiny: modality: 'smell' is none of text, vision, audio, multimodal."),
        ("modality: text", "modality: Text", 7, "tiny: modality: 'Text' is none of text, vision"),
        ('"2025-03"', "yesterday", 8, "tiny: released: 'yesterday' is no date; write 2025, 2025-01 or 2025-01-31."),
        ('"2025-03"', "2025-13", 8, "tiny: released: '2025-13' is no date"),
        ('"2025-03"', "2025-1", 8, "tiny: released: '2025-1' is no date"),
        ("licence: MIT", "licence: MIT\n  made_for: [cooking]", 10, "tiny: made_for: 'cooking' is none of chat, code"),
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
