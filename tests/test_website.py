"""The site: every page of the documentation is on it, every link between pages leads to one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs import website

from tests.helpers import REPOSITORY


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    website.gather(folder)
    return folder


def test_every_page_is_on_the_site() -> None:
    known = set(website.targets())
    written = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs").rglob("*.md")}
    assert written <= known
    assert {"README.md", "README.zh.md", "CONTRIBUTING.md"} <= known


def test_every_link_leads_to_a_page(pages: Path) -> None:
    assert "](commands.md)" in (pages / "index.md").read_text(encoding="utf-8")
    assert "](zh/questions.md)" in (pages / "index.md").read_text(encoding="utf-8")
    for path in pages.rglob("*.md"):
        for part in website._CODE.split(path.read_text(encoding="utf-8"))[::2]:
            for match in website._LINK.finditer(part):
                to = match[2].partition("#")[0]
                assert not to or ":" in to or (path.parent / to).is_file(), (path.name, match[2])


def test_every_link_into_a_page_leads_to_a_heading(pages: Path) -> None:
    """By the name that the site and GitHub both give it."""
    led = 0
    for path in pages.rglob("*.md"):
        for part in website._CODE.split(path.read_text(encoding="utf-8"))[::2]:
            for match in website._LINK.finditer(part):
                to, sign, anchor = match[2].partition("#")
                if sign and ":" not in to:
                    target = path.parent / to if to else path
                    headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                    assert anchor in {re.sub(r"[^\w\s-]", "", one.lower()).replace(" ", "-") for one in headings}
                    led += 1
    assert led >= 2


@pytest.mark.parametrize("to", ["nowhere.md", "../src/llmscale/units.py", "commands.md/deeper.md"])
def test_a_link_that_leads_nowhere_stops_it(to: str) -> None:
    with pytest.raises(website.BrokenLinkError, match="no page of the site"):
        website.page("docs/adding.md", f"See [this]({to}).", website.targets())


def test_what_leads_outside_and_what_stands_in_code_is_left_alone() -> None:
    text = "[a](https://example.org/x) [b](#here) `[c](nowhere)`\n```\n[d](nowhere)\n```\n"
    assert website.page("docs/adding.md", text, website.targets()) == text


def test_links_are_from_page_to_page() -> None:
    known = website.targets()
    assert (
        website.page("docs/大模型的参数量级.md", "[x](commands.md#llmscale)", known) == "[x](../commands.md#llmscale)"
    )
    assert website.page("README.md", "[x](docs/examples)", known) == "[x](examples.md)"


def test_the_menu_has_every_page_once() -> None:
    listed = [to for section in website.menu() for shown in section.values() for one in shown for to in one.values()]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(website.targets().values()) - set(website.FILES.values())


def test_code_stands_file_by_file(pages: Path) -> None:
    text = (pages / "examples.md").read_text(encoding="utf-8")
    for path in (REPOSITORY / "docs" / "examples").glob("*.py"):
        assert f"## {path.name}\n\n```python\n{path.read_text(encoding='utf-8').rstrip()}\n```" in text


def test_nothing_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    told = website.settings(tmp_path)
    assert told["theme"]["font"] is False
    assert told["validation"]["links"]["not_found"] == "warn"
