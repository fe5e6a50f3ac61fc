"""What llama.cpp's own converter makes of vision towers, without any weights.

    python -m tests.oracle.mmproj LLAMA_CPP_CHECKOUT [model ...]

Writes a checkpoint of our inventory's published names and shapes, all a hole, beside the catalogue's config, runs the
checkout's converter on it with ``--mmproj --dry-run`` and sums the tensors that it logs. Prints one JSON line a model:
bytes by type. Needs torch and transformers; `sizes` of tests/truth/llamacpp_mmproj.json were made so.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import tempfile
from math import prod
from pathlib import Path
from typing import Any

from llmscale.catalogue.entries import models
from llmscale.formats.gguf.convert import TOWERS
from llmscale.formats.gguf.mmproj import FORMS, tower
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.spec import ModelSpec
from llmscale.sources.registry import load

ROWS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "truth" / "llamacpp_mmproj.json").read_text(encoding="utf-8")
)
#: What the converter reads of an image processor; none of it changes a tensor.
PREPROCESSOR = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"longest_edge": 1536, "shortest_edge": 3136}}
#: The token whose row of the embedding Pixtral's towers hold, and a table of tokens to find it in.
BREAK = {"added_tokens_decoder": {"12": {"content": "[IMG_BREAK]"}}}
LOGGED = re.compile(r"\S+,\s+torch\.\S+ --> (\S+), shape = \{([^}]*)\}")
#: Bytes of a block and the elements in it.
BLOCKS = {"F32": (4, 1), "F16": (2, 1), "BF16": (2, 1), "Q8_0": (34, 32)}


def checkpoint(folder: Path, config: dict[str, Any], spec: ModelSpec, parts: Inventory) -> None:
    """The files that the converter reads."""
    shapes = {
        group.name.replace("{layer}", str(layer)): group.shape
        for group in parts.stored()
        if group.component in TOWERS
        for layer in group.layers or (0,)
    }
    if tower(spec, parts)[0] in ("pixtral", "mistral3"):
        shapes["model.embed_tokens.weight"] = (1000, spec.hidden_size)
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    for name, data in (("config", config), ("preprocessor_config", PREPROCESSOR), ("tokenizer_config", BREAK)):
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")


def converted(checkout: Path, folder: Path, form: str) -> int:
    """Bytes of the tensors that the converter would write."""
    script = str(checkout / "convert_hf_to_gguf.py")
    asked = ["--mmproj", "--dry-run", "--outtype", form, "--outfile", str(folder / "out.gguf"), str(folder)]
    done = subprocess.run([sys.executable, script, *asked], capture_output=True, text=True, check=True)
    total = 0
    for kind, shape in LOGGED.findall(done.stdout + done.stderr):
        size, elements = BLOCKS[kind]
        total += prod(int(axis) for axis in shape.split(",")) // elements * size
    return total


def main() -> int:
    checkout, *names = sys.argv[1:]
    for name in names or ROWS["sizes"]:
        with tempfile.TemporaryDirectory() as folder:
            spec = load(name).known()
            checkpoint(Path(folder), models()["entries"][name]["config"], spec, inventory(spec))
            print(json.dumps({name: {form: converted(Path(checkout), Path(folder), form) for form in FORMS}}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
