"""docs/adding.md, done: each example is added to a copy of the sources, as the page says, and its proof is run there.

The code of the examples is that of `docs/plugin`, moved into the house: a module each, and one line of a registry.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY, Answer, environment
from tests.test_plugins import LLAMA

PAGE = (REPOSITORY / "docs" / "adding.md").read_text(encoding="utf-8")
EXAMPLES = REPOSITORY / "docs" / "plugin" / "src" / "llmscale_example"


def example(key: str) -> str:
    """The entry called `key` of the page's YAML."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if block.lstrip().startswith(f"{key}:")]
    return str(found)


class House:
    """A copy of the sources, which a test may add to."""

    def __init__(self, root: Path) -> None:
        self.root, self.package = root, root / "src" / "llmscale"
        shutil.copytree(REPOSITORY / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(REPOSITORY / "data", root / "data")
        shutil.copy(REPOSITORY / "pyproject.toml", root)  # by which a checkout is known

    def append(self, path: str, text: str) -> None:
        with open(self.root / path, "a", encoding="utf-8") as file:
            file.write(f"\n{text}")

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, (path, old)
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "llmscale", *arguments],
            env=environment(PYTHONPATH=str(self.root / "src")),
            cwd=self.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def good(self, *arguments: str) -> str:
        told = self.run(*arguments)
        assert told.status == 0, told.err
        return told.out


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


def test_a_device(house: House) -> None:
    entry = example("h100-pcie").replace("h100-pcie:", "my-card:").replace("H100 PCIe", "My Card")
    house.append("data/devices.yaml", entry)
    assert "My Card" in house.good("devices", "show", "my-card")
    (house.root / "mine.yaml").write_text(entry, encoding="utf-8")
    assert house.run("devices", "check", "mine.yaml").status == 0
    (house.root / "mine.yaml").write_text(entry.replace("HBM2e", "HBM9"), encoding="utf-8")
    told = house.run("devices", "check", "mine.yaml")
    assert told.status == 4
    assert "memory_kind" in told.err


def test_a_model(house: House) -> None:
    entry = example("llama-2-7b").replace("llama-2-7b:", "my-llama:").replace("Llama 2 7B", "My Llama")
    entry = re.sub(r"aliases: \[.*?\]", "aliases: [me/My-Llama]", entry)
    config = json.dumps({**LLAMA, "model_type": "llama", "architectures": ["LlamaForCausalLM"]})
    entry = re.sub(r"config: \{.*\}", lambda _: f"config: {config}", entry).replace("context: 4096", "context: 512")
    entry = entry.replace("parameters: 6.74B", "parameters: 94.8K")
    house.append("data/models.yaml", entry)
    found = json.loads(house.good("params", "me/My-Llama", "-o", "json"))
    assert found["model"]["id"] == "my-llama"
    assert found["parameters"]["total"] == 2 * 100 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64) + 64


def test_a_number_format_and_a_quant_of_it(house: House) -> None:
    house.append(
        "data/formats.yaml", example("q4_k").replace("q4_k:", "q4_mine:").replace("name: Q4_K", "name: Q4_MINE")
    )
    house.append("data/quants.yaml", (EXAMPLES / "quants.yaml").read_text("utf-8").replace("int4", "q4_mine"))
    (line,) = json.loads(house.good("estimate", "llama-3.1-8b", "-q", "example-5", "-o", "json"))["estimates"]
    matrices = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
    others = 2 * 128256 * 4096 + (2 * 32 + 1) * 4096
    assert line["weights_bytes"] == matrices * 144 // 256 + 2 * others


def test_a_release_of_a_runtime(house: House) -> None:
    entry = example("0.29.0").replace("  0.29.0:", "  0.99.0:")
    house.append("data/releases/vllm.yaml", re.sub(r"read: \[.*\]", "read: [0.99.0]", entry))
    asked = ("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100", "--runtime", "vllm@0.99")
    assert "vllm 0.99" in house.good(*asked)
    assert "0.99.0" in house.good("runtimes", "vllm")


def test_a_family(house: House, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "family.py", house.package / "model" / "families" / "plain_llama.py")
    (tmp_path / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    found = json.loads(house.good("params", str(tmp_path / "config.json"), "-o", "json"))
    assert found["parameters"]["total"] == 2 * 100 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64) + 64


def test_a_runtime(house: House) -> None:
    """Its folder, its data and one line of the registry."""
    room = house.package / "runtimes" / "pager"
    room.mkdir()
    text = (EXAMPLES / "runtime.py").read_text(encoding="utf-8")
    (room / "__init__.py").write_text('"""Pager."""\n', encoding="utf-8")
    (room / "runtime.py").write_text(text, encoding="utf-8")
    (room / "info.py").write_text(text, encoding="utf-8")
    release = 'title: Pager\nreleases:\n  "1.0":\n    source: made up\n    read: ["1.0"]\n    measured: []\n'
    (house.root / "data" / "releases" / "pager.yaml").write_text(release, encoding="utf-8")
    (room / "releases.py").write_text(
        '"""None."""\n\nfrom typing import NamedTuple\n\n\nclass Rules(NamedTuple):\n    """None."""\n\n'
        "\nRULES = Rules\n",
        encoding="utf-8",
    )
    house.replace(
        "src/llmscale/runtimes/registry.py",
        '    "ollama": "ollama",\n',
        '    "ollama": "ollama",\n    "pager": "pager",\n',
    )
    asked = ("estimate", "llama-3.1-8b", "-q", "fp16", "--runtime", "pager", "-c", "1000", "-o", "json")
    (line,) = json.loads(house.good(*asked, "--page", "512"))["estimates"]
    assert line["kv_cache_bytes"] == 1024 * 2 * 32 * 8 * 128 * 2
    assert "Options of Pager" in house.good("estimate", "--help")


def test_a_source(house: House) -> None:
    shutil.copy(EXAMPLES / "source.py", house.package / "sources" / "millions.py")
    house.replace("src/llmscale/sources/registry.py", '    "literal",\n', '    "millions",\n    "literal",\n')
    found = json.loads(house.good("params", "110 million", "-o", "json"))
    assert found["parameters"]["total"] == 110_000_000


def test_a_writer(house: House) -> None:
    shutil.copy(EXAMPLES / "writer.py", house.package / "render" / "writers" / "lines.py")
    house.replace(
        "src/llmscale/render/registry.py",
        'WRITERS = {"table": "table",',
        'WRITERS = {"lines": "lines", "table": "table",',
    )
    assert house.good("estimate", "7B", "-q", "int4", "-o", "lines").startswith("INT4\t3.26\t")
