"""Pictures in files; those need an extra, and say so where it is missing."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import pytest

from tests.helpers import good, process, run
from tests.pictures.test_terminal import KINDS

EXTRA = "the extra [plot] is not installed: make test-extras"


def drawn(folder: Path, suffix: str, *arguments: str) -> bytes:
    pytest.importorskip("plotly" if suffix == "html" else "matplotlib", reason=EXTRA)
    path = folder / f"picture.{suffix}"
    answer = run("plot", *arguments, "--to", str(path))
    assert (answer.status, answer.out, answer.err.strip()) == (0, "", str(path))
    return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_an_svg_has_its_title_and_words_as_text(tmp_path: Path, kind: str) -> None:
    content = drawn(tmp_path, "svg", *KINDS[kind]).decode()
    title = good("plot", *KINDS[kind], "--width", "200").out.splitlines()[0]
    assert f">{title}</text>" in content
    assert "Noto Sans CJK SC" in content
    assert "<image" not in content


def test_an_svg_in_chinese_needs_no_font(tmp_path: Path) -> None:
    content = drawn(tmp_path, "svg", *KINDS["memory"], "--lang", "zh").decode()
    assert "上下文,词元" in content


def test_the_same_picture_is_the_same_bytes(tmp_path: Path) -> None:
    assert drawn(tmp_path, "svg", *KINDS["parts"]) == drawn(tmp_path, "svg", *KINDS["parts"])


@pytest.mark.parametrize("size", ["640x400", "960x600", "1600x1000"])
def test_a_png_has_the_pixels_asked_for(tmp_path: Path, size: str) -> None:
    content = drawn(tmp_path, "png", *KINDS["scale"], "--size", size, "--dark")
    assert content.startswith(b"\x89PNG")
    assert "x".join(map(str, struct.unpack(">II", content[16:24]))) == size


def test_a_pdf_is_one(tmp_path: Path) -> None:
    assert drawn(tmp_path, "pdf", *KINDS["users"]).startswith(b"%PDF")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_nobody_for_anything(tmp_path: Path, kind: str) -> None:
    page = drawn(tmp_path, "html", *KINDS[kind]).decode()
    assert page.startswith("<!doctype html>")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", page)


def test_dark_is_dark(tmp_path: Path) -> None:
    assert b"#14171a" in drawn(tmp_path, "svg", *KINDS["parts"], "--dark")
    assert b"#14171a" not in drawn(tmp_path, "svg", *KINDS["parts"])


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    answer = run("plot", "parts", "gpt2", "--to", str(tmp_path / "x.svg"))
    assert answer.status == 2
    assert "pip install 'llmscale[plot]'" in answer.err
    assert not (tmp_path / "x.svg").exists()


REFUSED = {
    "no such kind": (["pie"], 2, "There is no picture called 'pie'"),
    "no model": (["memory"], 2, "plot memory is of a model"),
    "no device": (["context"], 2, "plot context is of a device"),
    "a subject too many": (["scale", "gpt2"], 2, "the whole catalogue"),
    "no device for a roofline": (["roofline", "gpt2"], 2, "Add --gpu"),
    "no device for users": (["users", "gpt2"], 2, "Add --gpu"),
    "no such suffix": (["scale", "--to", "x.gif"], 2, "cannot be written as '.gif'"),
    "no suffix": (["scale", "--to", "x"], 2, "cannot be written as '.'"),
    "no size": (["scale", "--to", "x.svg", "--size", "big"], 2, "not a width and a height"),
    "too small": (["scale", "--to", "x.svg", "--size", "10x10"], 2, "not possible"),
    "not found": (["memory", "nosuchmodel"], 3, "nosuchmodel"),
    "not disclosed": (["parts", "gpt-4"], 3, "GPT-4"),
    "no such folder": (["parts", "gpt2", "--to", "/nonexistent/x.html"], 4, "cannot be written"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused(case: str) -> None:
    arguments, status, message = REFUSED[case]
    if case == "no such folder":
        pytest.importorskip("plotly", reason=EXTRA)
    answer = run("plot", *arguments)
    assert (answer.status, answer.out) == (status, "")
    assert message in answer.err


def test_plain_commands_and_pictures_of_characters_load_no_library() -> None:
    code = "import sys; sys.argv[1:] = {}; from llmscale.cli.app import main\ntry: main()\nexcept SystemExit: pass\n"
    import subprocess

    for arguments in (["estimate", "gpt2"], ["plot", "parts", "gpt2"]):
        ask = code.format(arguments) + "print(sorted({'matplotlib', 'plotly', 'numpy'} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("[]\n")
    assert process("plot", "--help").status == 0
