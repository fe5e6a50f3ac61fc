"""The screen as a user meets it, by keyboard and mouse; its figures are those of the command that it copies."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("textual", reason="the extra [tui] is not installed: make test-extras")

from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Select

from llmscale.render.words import words
from llmscale.store.phrases import phrases
from llmscale.tui import choice as asking
from llmscale.tui.app import KEYS, Screenful
from llmscale.tui.choice import Asking
from llmscale.tui.export import Export
from llmscale.tui.panel import Panel
from llmscale.tui.settings import SETTINGS
from llmscale.tui.tray import Tray
from llmscale.units import GIB
from tests.helpers import good

SMALL = Asking("gpt2", "f16", "512", gpus=("rtx3060",))
Do = Callable[[Screenful, "Pilot[Any]"], Awaitable[None]]


def on_screen(do: Do, choice: Asking = SMALL, size: tuple[int, int] = (80, 24), lang: str = "en") -> Screenful:
    """The screen after what was done to it."""
    screen = Screenful(choice, words(lang))

    async def session() -> None:
        async with screen.run_test(size=size) as pilot:
            await settled(pilot)
            await do(screen, pilot)
            await settled(pilot)

    asyncio.run(session())
    return screen


async def settled(pilot: Pilot[Any]) -> None:
    """Until the answer is that of what is chosen."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def shown(screen: Screenful) -> str:
    """What stands in the answer."""
    content: Any = screen.query_one(Panel).content
    return str(content.plain)


class Seen(NamedTuple):
    """The screen after it was left, its last answer, and what was looked at before."""

    screen: Screenful
    text: str
    found: Any


def pressed(*keys: str, choice: Asking = SMALL, look: Callable[[Screenful], Any] = lambda _: None, **how: Any) -> Seen:
    """What some keys lead to."""
    seen: list[tuple[str, Any]] = []

    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        await press(pilot, *keys)
        seen.append((shown(screen), look(screen)))

    return Seen(on_screen(do, choice, **how), *seen[-1])


QUESTIONS = {
    "alone": Asking("gpt2"),
    "on a card": SMALL,
    "all that can be set": Asking("qwen3-8b", "q4_k_m", "8k", "q8_0", "llama.cpp", "4", ("rtx4090", "2x rtx3090")),
    "a server": Asking("qwen3-8b", "fp8", "4096", runtime="vllm", users="8", gpus=("h100",)),
    "too large": Asking("qwen3-32b", "q8_0", gpus=("rtx3060",)),
    "a bare size": Asking("7B", "int4", gpus=("24GiB",)),
}


async def ask(screen: Screenful, pilot: Pilot[Any], choice: Asking) -> str:
    """The answer to another question."""
    screen.choice = choice
    screen.follow()
    await settled(pilot)
    return shown(screen)


def test_every_number_is_that_of_the_command_it_copies() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        for choice in QUESTIONS.values():
            text = await ask(screen, pilot, choice)
            await pilot.press("c")
            told = good(*shlex.split(screen.clipboard)[1:], "-o", "json").json()
            assert screen.told.answer is not None
            assert screen.told.answer.to_dict() == told
            for line in told["estimates"]:
                for device in line["devices"] if choice.gpus else ():
                    for key, title in (("used_bytes", "Used"), ("free_bytes", "Free"), ("usable_bytes", "Usable")):
                        assert f"{title} GiB ~{device[key] / GIB:,.2f}" in text
                if not choice.gpus:
                    assert f"Total GiB ~{line['total_bytes'] / GIB:,.2f}" in text

    on_screen(do, size=(120, 40))


def test_the_text_is_that_of_the_command() -> None:
    screen, text, _ = pressed(choice=QUESTIONS["all that can be set"], size=(120, 40))
    told = screen.told.report
    for sentence in (*told.lead, *told.notes, *(table.title for table in told.tables)):
        assert sentence in text.splitlines()
    for table in told.tables:
        for row in table.rows:
            assert all(row[at].text in text for at in table.shown())


def test_moving_through_the_catalogue_changes_the_answer() -> None:
    screen, text, _ = pressed("down")
    assert screen.choice.model != "gpt2"
    assert screen.choice.model in screen.told.choice.command()
    assert text != pressed().text


def test_a_name_is_found_as_one_types() -> None:
    screen, text, title = pressed("m", *"qwen3-32b", look=lambda screen: screen.query_one("#models").border_title)
    assert screen.choice.model == "qwen3-32b"
    assert "Qwen3-32B" in text
    assert title == "Models 1"


def test_what_begins_so_comes_first() -> None:
    found = pressed("slash", *"qwen3", look=lambda screen: screen.query_one("#models OptionList", OptionList).options)
    begin = [(option.id or "").startswith("qwen3") for option in found.found]
    assert begin == sorted(begin, reverse=True)
    assert len(set(begin)) == 2  # others are found by their family


def test_what_no_entry_is_called_is_taken_as_it_stands() -> None:
    screen, text, _ = pressed("m", *"7B", "enter")
    assert screen.choice.model == "7B"
    assert "7.00 B" in text
    screen, _, _ = pressed("d", *"2x", "space", *"rtx3060", "enter", *"24GB", "enter")
    assert screen.choice.gpus == ("rtx3060", "2x rtx3060", "24GB")


def test_down_leads_from_the_line_into_the_list_and_escape_out_of_it() -> None:
    for key in ("down", "escape"):
        assert isinstance(pressed("m", key, look=lambda screen: screen.focused).found, OptionList)
    assert pressed("s", "tab", "escape", "q").screen.return_value == ""


def test_a_device_is_ticked_and_unticked() -> None:
    screen, text, _ = pressed("d", *"rtx4090", "enter")
    assert screen.choice.gpus == ("rtx3060", "rtx4090")
    assert "rtx4090  F16  Fits yes" in text
    screen, text, _ = pressed("d", "down", "enter")
    assert screen.choice.gpus == ()
    assert "Fits from GiB 8" in text


def test_settings_follow_the_keyboard() -> None:
    screen, _, _ = pressed("s", "tab", "tab", "up")
    assert screen.choice.context == "1024"
    screen, _, _ = pressed("s", "tab", "tab", "down", "down")
    assert screen.choice.context == "128"
    screen, text, _ = pressed("s", "enter", "home", "down", "enter")
    assert screen.choice.quant == "fp32"
    assert "FP32" in text


def test_users_go_up_and_down() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        screen.query_one("#users").focus()
        for key, users in (("up", "2"), ("up", "3"), ("down", "2"), ("down", "1"), ("down", "1")):
            await press(pilot, key)
            assert screen.choice.users == users
        screen.query_one("#users", Input).value = ""
        await press(pilot, "down")
        assert screen.choice.users == ""
        screen.query_one("#users", Input).value = "x"
        await press(pilot, "up")
        assert screen.choice.users == "x"

    on_screen(do)


def test_everything_can_be_chosen_with_the_mouse() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        await pilot.click("#models OptionList", offset=(5, 0))
        await settled(pilot)
        assert screen.choice.model != "gpt2"
        await pilot.click("#devices OptionList", offset=(5, 1))
        await settled(pilot)
        assert len(screen.choice.gpus) == 2
        plus = next(button for button in screen.query("Button") if button.name == "context 1")
        await pilot.click(plus)
        await settled(pilot)
        assert screen.choice.context == "1024"
        await pilot.click("#kv_dtype")
        await pilot.pause()
        await pilot.click("#kv_dtype SelectOverlay", offset=(2, 2))
        await settled(pilot)
        assert screen.choice.kv_dtype == "bf16"

    on_screen(do)


REFUSED = {
    "a context that is none": (SMALL._replace(context="abc"), "--context 'abc' is not a number of tokens."),
    "no users": (SMALL._replace(users="0"), "must be more than zero"),
    "users that are none": (SMALL._replace(users="x"), "'x'"),
    "no such model": (SMALL._replace(model="nosuchmodel"), "nosuchmodel"),
    "an undisclosed model": (SMALL._replace(model="gpt-4"), "declines to give the size"),
    "no such device": (SMALL._replace(gpus=("nosuchcard",)), "nosuchcard"),
    "no such format": (SMALL._replace(quant="q99"), "q99"),
    "a runtime that has no such card": (SMALL._replace(runtime="mlx"), "error:"),
    "a sign that is markup": (SMALL._replace(model="[/x]"), "[/x]"),
    "nothing": (SMALL._replace(model=" "), "error:"),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_refusal_is_a_sentence(lang: str) -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        for choice, told in REFUSED.values():
            text = await ask(screen, pilot, choice)
            await press(pilot, "a", "e")
            assert text.startswith({"en": "error: ", "zh": "错误: "}[lang])
            assert lang == "zh" or told in re.sub(r"\s+", " ", text)
            assert "Traceback" not in text
            assert screen.told.answer is None
            assert screen.query_one(Tray).kept == ()
            assert not isinstance(screen.screen, Export)

    on_screen(do, lang=lang)


def test_after_a_refusal_the_next_answer_is_one() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        field = screen.query_one("#context", Input)
        field.value = "many"
        await settled(pilot)
        assert shown(screen).startswith("error:")
        field.value = "1k"
        await settled(pilot)
        assert "fits rtx3060" in shown(screen)

    on_screen(do)


def test_a_defect_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(asking, "estimate", fails)
    assert "This is a defect of llmscale: RuntimeError: out of paper." in pressed().text


def test_without_a_model_it_says_so() -> None:
    told = asking.answered(Asking(""), words("en"))
    assert (told.wrong, told.hint) == ("No model is chosen.", "Choose one on the left, or type 7B.")


def test_a_terminal_that_is_too_small_says_so() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        for size in ((40, 10), (1, 1), (59, 30), (200, 17)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert not screen.query_one("#main").display
            small: Any = screen.query_one("#small")
            assert f"here are {size[0]} and {size[1]}" in str(small.content)
        await pilot.resize_terminal(60, 18)
        await pilot.pause()
        assert screen.query_one("#main").display

    on_screen(do)


def test_no_line_of_the_answer_is_wider_than_its_place() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        for size in ((60, 18), (80, 24), (120, 40), (200, 60)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            panel = screen.query_one(Panel)
            bar = next(line for line in shown(screen).splitlines() if line.startswith("█"))
            assert len(bar) == panel.size.width
            assert screen.query_one("#right").region.right == size[0]

    on_screen(do)


def test_answers_are_compared() -> None:
    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        tray = screen.query_one(Tray)
        assert not tray.display
        await press(pilot, "a", "a")
        await press(pilot, "down")
        await press(pilot, "a")
        assert [told.choice.model for told in tray.kept] == ["gpt2", screen.choice.model]
        table = [tray.get_row_at(at) for at in range(tray.row_count)]
        assert [str(column.label) for column in tray.ordered_columns][:6] == [
            *("Model", "Device", "Quant", "Context", "Users", "Fits")
        ]
        told = tray.kept[0].answer
        assert told is not None
        assert f"~{told.estimates[0].devices[0].used_bytes / GIB:,.2f}" in table[0]
        tray.focus()
        await press(pilot, "enter")
        assert screen.choice == SMALL
        assert screen.query_one("#context", Input).value == "512"
        await press(pilot, "delete")
        assert len(tray.kept) == 1
        await press(pilot, "delete")
        assert not tray.display
        tray.action_drop()

    on_screen(do)


def test_what_is_compared_without_a_device_has_its_total() -> None:
    def titles(screen: Screenful) -> list[str]:
        return [str(column.label) for column in screen.query_one(Tray).ordered_columns]

    assert "Total GiB" in pressed("a", choice=Asking("gpt2", "f16"), look=titles).found


def test_the_command_is_left_behind() -> None:
    screen, _, _ = pressed("c", "q")
    assert screen.return_value == "llmscale estimate gpt2 -q f16 -c 512 --gpu rtx3060"
    assert pressed("q").screen.return_value == ""


def test_names_with_blanks_are_quoted() -> None:
    assert Asking("./my model.gguf", gpus=("2x rtx3090",)).command() == (
        "llmscale estimate './my model.gguf' --gpu '2x rtx3090'"
    )


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_the_answer_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.chdir(tmp_path)

    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        await press(pilot, "e")
        screen.screen.query_one("#file", Input).value = f"x.{suffix}"
        await press(pilot, "enter")
        assert not isinstance(screen.screen, Export)

    on_screen(do)
    said = shlex.split(SMALL.command())[1:]
    assert (tmp_path / f"x.{suffix}").read_text(encoding="utf-8") == good(*said, "-o", suffix).out


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.json").write_text("mine", encoding="utf-8")
    refused = {
        "there.json": "is there already",
        "x.gif": "cannot be written as '.gif'",
        "no/x.json": "cannot be written",
    }

    async def do(screen: Screenful, pilot: Pilot[Any]) -> None:
        await press(pilot, "e")
        for name, told in refused.items():
            screen.screen.query_one("#file", Input).value = name
            await press(pilot, "enter")
            wrong: Any = screen.screen.query_one("#wrong")
            assert told in str(wrong.content)
        await press(pilot, "escape")
        assert not isinstance(screen.screen, Export)

    on_screen(do)
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]
    assert (tmp_path / "there.json").read_text(encoding="utf-8") == "mine"


def test_every_word_of_the_screen_is_in_chinese() -> None:
    known = phrases("zh")
    say = words("zh")
    titles = [*(title for _, _, title in KEYS), *(setting.title for setting in SETTINGS.values())]
    titles += ["Models", "Devices", "Question", "Answer", "Compared", "usual", "name, or 7B", "name, or 2x rtx3090"]
    assert [title for title in titles if say(title) == title] == []
    assert known("Copied: llmscale estimate gpt2") == "已复制:llmscale estimate gpt2"
    seen = pressed("a", lang="zh", look=lambda screen: str(screen.query_one("#models").border_title))
    assert "放得进" in seen.text
    assert seen.found.startswith("模型")


def test_without_colours_the_parts_are_told_apart_by_signs() -> None:
    _, text, _ = pressed(choice=QUESTIONS["all that can be set"], size=(120, 40))
    bar = next(line for line in text.splitlines() if line.startswith("█"))
    assert list(dict.fromkeys(bar)) == ["█", "▓", "▒", "·"]
    assert re.search(r"█ Weights GiB .*▓ KV GiB .*▒ Other GiB", text)


def test_a_format_that_the_list_lacks_can_be_begun_with() -> None:
    seen = pressed(
        choice=SMALL._replace(quant="exl2-4.6bpw"), look=lambda screen: screen.query_one("#quant", Select).value
    )
    assert seen.found == "exl2-4.6bpw"
    assert seen.screen.told.choice.quant == "exl2-4.6bpw"
