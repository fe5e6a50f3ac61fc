"""What runs on a forge: each workflow is one, does what a clone can do, is pinned, and may do no more than it must."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers import REPOSITORY

FOLDER = REPOSITORY / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))
#: All that may be written, by whom.
MAY_WRITE = {
    ("release.yml", "attest"): {"id-token", "attestations"},
    ("release.yml", "publish"): {"id-token"},
}


def read(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def lines(workflow: dict[Any, Any]) -> str:
    return "\n".join(step.get("run", "") for step in steps(workflow))


def test_there_are_a_check_a_release_and_an_audit() -> None:
    assert [path.name for path in WORKFLOWS] == ["audit.yml", "ci.yml", "release.yml"]
    assert ".ci/run" in lines(read(FOLDER / "ci.yml"))
    assert {".ci/run", "make sbom"} <= set(lines(read(FOLDER / "release.yml")).splitlines())
    audit = read(FOLDER / "audit.yml")
    assert lines(audit).split() == ["make", "audit", "make", "links"]
    assert audit[True]["schedule"]  # YAML reads `on` as true


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_has_the_least_rights(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        rights = job.get("permissions", {})
        assert {right for right, how in rights.items() if how == "write"} == MAY_WRITE.get((path.name, name), set())
    assert "pull_request_target" not in workflow[True]
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", [*WORKFLOWS, REPOSITORY / "action.yml"], ids=lambda path: path.name)
def test_actions_are_pinned_and_named_and_nothing_is_put_into_a_shell_s_line(path: Path) -> None:
    used = re.findall(r"uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []
    content = read(path)
    running = content["runs"]["steps"] if "runs" in content else steps(content)
    assert [step["run"] for step in running if "${{" in step.get("run", "")] == []


def test_an_action_is_pinned_to_one_commit() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*WORKFLOWS, REPOSITORY / "action.yml"])
    pinned = set(re.findall(r"uses: ([\w/-]+)@(\w+)", text))
    assert len(pinned) == len({name for name, _ in pinned})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_is_made_can_be_made(path: Path) -> None:
    run = lines(read(path))
    assert set(re.findall(r"\bmake ([\w-]+)", run)) <= TARGETS
    for program in re.findall(r"^\.ci/\w+", run, re.MULTILINE):
        assert (REPOSITORY / program).stat().st_mode & 0o111


@pytest.mark.skipif(shutil.which("make") is None, reason="no make is installed")
@pytest.mark.parametrize("target", ["dist", "sbom", "audit", "links"])
def test_make_knows_how(target: str) -> None:
    told = subprocess.run(["make", "-n", target], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for tool in {"dist": ["pyproject-build"], "sbom": ["pyproject-build", "cyclonedx-py"], "audit": ["pip-audit"]}.get(
        target, ["docs/links.py"]
    ):
        assert tool in told.stdout
    assert "--strict" in told.stdout or target != "audit"


def test_the_pythons_are_those_of_the_package() -> None:
    asked = read(FOLDER / "ci.yml")["jobs"]["run"]["strategy"]["matrix"]["python"]
    nox = (REPOSITORY / "noxfile.py").read_text(encoding="utf-8")
    listed = re.search(r"python=(\[.*?\])", nox)
    assert listed
    assert asked == ast.literal_eval(listed[1])
    assert f'requires-python = ">={asked[0]}"' in (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")


def test_the_version_that_is_published_is_the_one_that_is_tagged() -> None:
    build, publish = (read(FOLDER / "release.yml")["jobs"][name] for name in ("build", "publish"))
    assert "${GITHUB_REF_NAME#v}" in lines({"jobs": {"build": build}})
    assert set(publish["needs"]) == {"build", "attest"}
    assert "password" not in str(publish)


def test_the_example_of_the_comment_may_comment_and_asks_what_there_is() -> None:
    page = (REPOSITORY / "docs" / "adding.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(name: model size\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    example = yaml.safe_load(text)
    assert example["permissions"] == {"contents": "read", "pull-requests": "write"}
    checkout, comment = example["jobs"]["size"]["steps"]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert set(comment["with"]) == set(read(REPOSITORY / "action.yml")["inputs"])
