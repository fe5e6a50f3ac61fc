"""Gathers what the documentation site is made of and has MkDocs build it, strictly: ``make site``.

The pages are those that stand in this repository; nothing is written twice. A link between two of them leads to the
page of the site, and one that leads nowhere stops the build. Nothing on the site is fetched from elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = "docs/answers"
#: Page of this repository -> page of the site, by section and title of the menu.
PAGES: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {"README.md": ("index.md", "llmscale"), "docs/tutorial.md": ("tutorial.md", "Five minutes")},
    "Reference": {
        "docs/commands.md": ("commands.md", "Commands"),
        "docs/formulas.md": ("formulas.md", "Formulas"),
        "docs/accuracy.md": ("accuracy.md", "Accuracy"),
        "docs/measuring.md": ("measuring.md", "Measuring"),
        "tests/truth/README.md": ("truth.md", "Measurements"),
    },
    "Adding": {
        "docs/architecture.md": ("architecture.md", "Architecture"),
        "docs/adding.md": ("adding.md", "Adding things"),
        "CONTRIBUTING.md": ("contributing.md", "Contributing"),
        "SECURITY.md": ("security.md", "Security"),
    },
    "中文": {
        "README.zh.md": ("zh/index.md", "入门"),
        "docs/五分钟入门.md": ("zh/tutorial.md", "五分钟"),
        "docs/大模型的参数量级.md": ("zh/questions.md", "一问一答"),
    },
}
#: Folders of code that become a page, file by file.
CODE = {"docs/examples": ("examples.md", "Python"), "docs/plugin": ("plugin.md", "A package of one's own")}
#: Taken as they are.
FILES = {
    "docs/schema.json": "schema.json",
    "docs/accuracy.svg": "accuracy.svg",
    "docs/architecture.svg": "architecture.svg",
    "LICENSE": "license.txt",
}
SUFFIXES = {".py": "python", ".toml": "toml", ".yaml": "yaml"}
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.MULTILINE | re.DOTALL)


class BrokenLinkError(Exception):
    """A page that leads nowhere."""


def targets() -> dict[str, str]:
    """Path in this repository -> path on the site, of all that has one."""
    found = {source: page for section in PAGES.values() for source, (page, _) in section.items()}
    found |= {source: page for source, (page, _) in CODE.items()} | FILES
    return found | {source: source.removeprefix("docs/") for source in answers()}


def answers() -> list[str]:
    """The pages of questions."""
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / ANSWERS).glob("*.md"))


def page(source: str, text: str, known: dict[str, str]) -> str:
    """The text of a page with its links as the site has them; what stands in code is left alone.

    Raises:
        BrokenLinkError: one leads to what is not on the site.
    """

    def linked(match: re.Match[str]) -> str:
        return f"{match[1]}{_link(source, match[2], known)}{match[3]}"

    parts = _CODE.split(text)
    return "".join(part if at % 2 else _LINK.sub(linked, part) for at, part in enumerate(parts))


def _link(source: str, to: str, known: dict[str, str]) -> str:
    path, sign, anchor = to.partition("#")
    if not path or re.match(r"[a-z]+:", to):
        return to
    wanted = os.path.normpath(PurePosixPath(source).parent / path)
    if wanted not in known:
        raise BrokenLinkError(f"{source} links to {to}, which is no page of the site.")
    return os.path.relpath(known[wanted], PurePosixPath(known[source]).parent) + sign + anchor


def code(folder: str, title: str) -> str:
    """A page of the files in a folder."""
    files = sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    blocks = [f"## {path.relative_to(ROOT / folder).as_posix()}\n\n{_fenced(path)}" for path in files]
    return "\n\n".join([f"# {title}", *blocks]) + "\n"


def _fenced(path: Path) -> str:
    return f"```{SUFFIXES[path.suffix]}\n{path.read_text(encoding='utf-8').rstrip()}\n```"


def heading(text: str) -> str:
    """The title of a page."""
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")


def gather(folder: Path) -> None:
    """Write all pages below `folder`."""
    known = targets()
    for source, to in known.items():
        path = folder / to
        path.parent.mkdir(parents=True, exist_ok=True)
        if source in CODE:
            path.write_text(code(source, CODE[source][1]), encoding="utf-8")
        elif source in FILES:
            shutil.copyfile(ROOT / source, path)
        else:
            text = (ROOT / source).read_text(encoding="utf-8")
            path.write_text(page(source, text, known), encoding="utf-8")


def menu() -> Iterator[dict[str, Any]]:
    """The sections, questions behind the start, code behind what is added."""
    for section, pages in PAGES.items():
        shown = [{title: to} for to, title in pages.values()]
        shown += [{title: to} for to, title in CODE.values()] if section == "Adding" else []
        yield {section: shown}
        if section == "Start":
            asked = ((ROOT / source).read_text(encoding="utf-8") for source in answers())
            titles = {heading(text): to.removeprefix("docs/") for to, text in zip(answers(), asked, strict=True)}
            yield {"By question": [{title: to} for title, to in titles.items()]}


def settings(build: Path) -> dict[str, Any]:
    """What MkDocs is told."""
    return {
        "site_name": "llmscale",
        "docs_dir": str(build / "pages"),
        "site_dir": str(build / "site"),
        "use_directory_urls": False,  # so that it can be read from a disk
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.sections", "navigation.top", "toc.follow"],
        },
        "plugins": ["search"],
        "markdown_extensions": ["tables", "toc", "pymdownx.superfences", "pymdownx.highlight"],
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn"},
            "links": {"not_found": "warn", "anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"},
        },
        "nav": list(menu()),
    }


def main(build: Path) -> int:
    """Build it; the exit status of MkDocs, which is none where it warns of nothing."""
    shutil.rmtree(build / "pages", ignore_errors=True)
    gather(build / "pages")
    told = build / "mkdocs.yml"
    told.write_text(yaml.safe_dump(settings(build), allow_unicode=True, sort_keys=False), encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "-f", str(told)]).returncode


if __name__ == "__main__":
    sys.exit(main((Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build").resolve()))
