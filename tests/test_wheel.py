"""The wheel, as users install it: built offline, installed apart, run from elsewhere on its compiled data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from docs.man import MAN, SHELLS

from llmscale.compile.registry import tables
from tests.helpers import REPOSITORY, Answer, environment, good

#: What a build needs of a checkout.
NEEDED = ["src", "data", "share", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout, with a table that another version left there."""
    pytest.importorskip("hatchling")
    copy = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    (copy / "src" / "llmscale" / "_data" / "old.jsonl.1234").write_text("{}")
    built = subprocess.run(
        [sys.executable, "-c", "import hatchling.build; print(hatchling.build.build_wheel('dist'))"],
        cwd=copy,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return copy / "dist" / built.stdout.split()[-1]


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Answer]:
    """The program of that wheel, in an environment that knows nothing of the checkout."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, env=environment())
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    # -S leaves the editable installation out; dependencies come from the running environment's folder.
    path = f"{target}{';' if sys.platform == 'win32' else ':'}{sysconfig.get_paths()['purelib']}"

    def start(*arguments: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-S", "-m", "llmscale", *arguments],
            cwd=elsewhere,
            env=environment(PYTHONPATH=path),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    where = subprocess.run(
        [sys.executable, "-S", "-c", "import llmscale; print(llmscale.__file__)"],
        cwd=elsewhere,
        env=environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(target))
    return start


def test_the_wheel_holds_the_compiled_data_and_no_yaml(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    compiled = {name for name in names if name.startswith("llmscale/_data/")}
    assert compiled == {f"llmscale/_data/{table}.jsonl" for table in tables()}
    assert not [name for name in names if name.endswith((".yaml", ".pyc")) or name.startswith(("tests", "data"))]
    assert "llmscale/py.typed" in names
    assert {f"llmscale/web/page/{name}" for name in ("index.html", "app.js", "words.js", "style.css")} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_brings_what_shells_look_for(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        brought = {name.partition(".data/data/")[2]: name for name in archive.namelist() if ".data/data/" in name}
        assert brought.keys() == {path.relative_to(REPOSITORY).as_posix() for path in (MAN, *SHELLS.values())}
        assert archive.read(brought["share/man/man1/llmscale.1"]).startswith(b".TH LLMSCALE 1")


def test_its_metadata_names_the_program_and_its_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
        (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "llmscale = llmscale.__main__:main" in archive.read(entry).decode()
    assert "Name: llmscale" in text
    for need in ("typer", "rich", "pydantic", "pyyaml"):
        assert f"Requires-Dist: {need}" in text


def test_it_runs_from_anywhere(installed: Callable[..., Answer]) -> None:
    answer = installed("estimate", "7B", "--quant", "int4")
    assert (answer.status, answer.err) == (0, "")
    assert "3.26" in answer.out


@pytest.mark.parametrize(
    "question", ["estimate 7B", "fits rtx4090", "needs llama-3.1-8b", "estimate gemma-3-27b --quant awq --gpu l40s"]
)
def test_it_answers_as_the_checkout_does(installed: Callable[..., Answer], question: str) -> None:
    answer = installed(*question.split(), "-o", "json")
    assert (answer.status, answer.err) == (0, "")
    assert answer.json() == good(*question.split(), "-o", "json").json()


def test_it_counts_and_lists_without_the_yaml(installed: Callable[..., Answer]) -> None:
    told = json.loads(installed("params", "llama-2-7b", "-o", "json").out)
    assert told["parameters"]["total"] == 6_738_415_616
    assert len(json.loads(installed("devices", "-o", "json").out)["devices"]) >= 120
    assert installed("estimate", "nosuch").status == 3
