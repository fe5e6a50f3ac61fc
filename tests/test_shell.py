"""What a shell wants: the man page says what ``--help`` says, every shell completes by its script, the files agree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from docs.generate import helps
from docs.man import MAN, SHELLS, files

from llmscale import __version__
from llmscale.cli.app import COMMANDS
from tests.helpers import REPOSITORY, environment, good

#: What a shell is told to make it complete `llmscale es`, its script being $SCRIPT.
TAB = {
    "bash": '. "$SCRIPT"; COMP_WORDS=(llmscale es) COMP_CWORD=1; _llmscale_completion llmscale; echo "${COMPREPLY[@]}"',
    "zsh": 'compdef() {:}; _arguments() print "$@"; . "$SCRIPT"; words=(llmscale es) CURRENT=2; _llmscale_completion',
    "fish": 'source "$SCRIPT"; complete -C "llmscale es"',
}


@pytest.fixture(scope="module")
def helped() -> dict[tuple[str, ...], str]:
    return helps()


@pytest.fixture(scope="module")
def made(helped: dict[tuple[str, ...], str]) -> dict[Path, str]:
    return files(helped)


@pytest.fixture
def shell(tmp_path: Path, made: dict[Path, str]) -> dict[str, str]:
    """The environment of a shell that finds the program as an installation puts it there."""
    program = tmp_path / "llmscale"
    program.write_text(f"#!{sys.executable}\nfrom llmscale.__main__ import main\n\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    return environment(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def test_the_man_page_has_every_command_and_option(made: dict[Path, str], helped: dict[tuple[str, ...], str]) -> None:
    text = made[MAN].replace("\\-", "-")
    assert {name for name, *_ in filter(None, helped)} == set(COMMANDS)
    for call in filter(None, helped):
        assert f".SS llmscale {' '.join(call)}\n" in text
    options = set(re.findall(r"--[a-z][\w-]+", "\n".join(helped.values())))
    assert len(options) > 100
    assert {option for option in options if option not in text} == set()


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff is installed")
def test_man_can_read_it(made: dict[Path, str], tmp_path: Path) -> None:
    page = tmp_path / "llmscale.1"
    page.write_text(made[MAN], encoding="ascii")
    read = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(page)], capture_output=True, check=True)
    assert read.stderr == b""
    assert "亿" in read.stdout.decode()


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's programs")
@pytest.mark.parametrize("name", TAB)
def test_a_real_shell_completes(name: str, made: dict[Path, str], shell: dict[str, str], tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"no {name} is installed")
    script = tmp_path / f"script.{name}"
    script.write_text(made[SHELLS[name]], encoding="utf-8")
    done = subprocess.run([name, "-c", TAB[name]], capture_output=True, text=True, env={**shell, "SCRIPT": str(script)})
    assert (done.returncode, done.stderr) == (0, "")
    assert "estimate" in done.stdout
    assert "params" not in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's programs")
def test_what_powershell_s_script_asks_is_answered(made: dict[Path, str], shell: dict[str, str]) -> None:
    text = made[SHELLS["powershell"]]
    asked = {"TYPER_COMPLETE_ARGS": "llmscale es", "TYPER_COMPLETE_WORD_TO_COMPLETE": "es"}
    asked["LLMSCALE_COMPLETE"] = "complete_powershell"
    assert set(re.findall(r"Env:_(\w+)", text)) == set(asked)
    asking = {**shell, **{f"_{name}": value for name, value in asked.items()}}
    done = subprocess.run(["llmscale"], capture_output=True, text=True, env=asking)
    assert done.stdout.startswith("estimate:::Memory of MODEL")


def test_what_is_shipped_is_where_it_is_looked_for() -> None:
    where = {path.relative_to(REPOSITORY / "share").as_posix() for path in (MAN, *SHELLS.values())}
    assert {"man/man1/llmscale.1", "bash-completion/completions/llmscale", "zsh/site-functions/_llmscale"} <= where
    assert {path for path in (REPOSITORY / "share").rglob("*") if path.is_file()} == {MAN, *SHELLS.values()}


def test_what_is_cited_is_what_is_released() -> None:
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == __version__
    assert cited["license"] == "Apache-2.0"


def test_the_container_runs_as_nobody_in_particular_what_there_is() -> None:
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    assert text.rindex("\nUSER ") > text.rindex("\nRUN ")
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command
    words = yaml.safe_load(command[1])
    assert words[0] in COMMANDS
    offered = good(words[0], "--help").out
    assert all(word in offered for word in words if word.startswith("--"))


def test_a_container_is_given_what_a_wheel_is_made_of() -> None:
    left_out = set((REPOSITORY / ".containerignore").read_text(encoding="utf-8").split())
    assert {"src", "data", "share", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE"}.isdisjoint(left_out)
    assert {".git", "tests", "src/llmscale/_data"} <= left_out
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    assert re.findall(r"pip install .*'\.\[(\w+)\]'", text) == ["web"]
    assert re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE) == ['["llmscale"]']
