"""What a shell wants: the man page says what ``--help`` says, the completion scripts are ones, the files agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from docs.man import SHELLS, main

from llmscale import __version__
from llmscale.cli.app import COMMANDS
from tests.helpers import REPOSITORY, good


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shell")
    main(folder)
    return folder


def test_the_man_page_has_every_command_and_option(made: Path) -> None:
    text = (made / "llmscale.1").read_text(encoding="ascii").replace("\\-", "-")
    for command in COMMANDS:
        assert f".SS llmscale {command}\n" in text
    options = re.findall(r"--[a-z][\w-]+", good("estimate", "--help").out)
    assert len(options) > 30
    assert all(option in text for option in options)


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff is installed")
def test_man_can_read_it(made: Path) -> None:
    read = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(made / "llmscale.1")], capture_output=True, check=True)
    assert read.stderr == b""
    assert "亿" in read.stdout.decode()


def test_completion_is_there_for_three_shells(made: Path) -> None:
    for name in SHELLS:
        text = (made / name).read_text(encoding="utf-8")
        assert "_LLMSCALE_COMPLETE" in text
        assert "llmscale" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash is installed")
def test_bash_can_read_its_own(made: Path) -> None:
    subprocess.run(["bash", "-n", str(made / "llmscale.bash")], check=True)


def test_what_is_cited_is_what_is_released() -> None:
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == __version__
    assert cited["license"] == "Apache-2.0"


def test_the_container_runs_as_nobody_in_particular_what_there_is() -> None:
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command
    words = yaml.safe_load(command[1])
    assert words[0] in COMMANDS
    offered = good(words[0], "--help").out
    assert all(word in offered for word in words if word.startswith("--"))
