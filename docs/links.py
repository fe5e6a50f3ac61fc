"""Asks the pages outside that the documentation links to whether they are there, and keeps what they said.

python docs/links.py            # asks each, writes docs/links.json; status 1 where one is gone (`make links`)
python docs/links.py --check    # asks nobody; status 1 where a link has no line in the record (`make lint`)
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs" / "links.json"
_ADDRESS = re.compile(r"https?://[\w.-]+\.[a-z]{2,}[^\s)>\"'`,;。，；）]*")
#: Names that are set aside for examples.
_EXAMPLES = re.compile(r"https?://([\w-]+\.)*example\.(org|com|net)\b")
#: What says that a page is gone; others say that a program may not read it, or not now.
GONE = frozenset({404, 410})
SECONDS = 20


def linked(root: Path = ROOT) -> list[str]:
    """All addresses outside, as they stand in the pages."""
    pages = [*root.glob("*.md"), root / "CITATION.cff", *root.glob("docs/**/*.md"), *root.glob("tests/truth/*.md")]
    found = {
        address.rstrip(".:")
        for path in pages
        if path.is_file()
        for address in _ADDRESS.findall(path.read_text(encoding="utf-8"))
    }
    return sorted(address for address in found if not _EXAMPLES.match(address))


def said(address: str) -> str:
    """What a page says: its status, or why there is none."""
    try:
        with urlopen(Request(address, headers={"User-Agent": "llmscale-links"}), timeout=SECONDS) as answer:
            return str(answer.status)
    except HTTPError as error:
        return str(error.code)
    except (URLError, OSError) as error:
        return f"not reached: {getattr(error, 'reason', error)}"


def asked(addresses: Iterable[str], known: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The record of `addresses`; what could not be reached keeps what was known of it."""
    record = {}
    for address in addresses:
        answer = said(address)
        print(f"{answer}\t{address}")
        kept = address in known and answer.startswith("not reached")
        record[address] = dict(known[address]) if kept else {"asked": date.today().isoformat(), "said": answer}
    return record


def main(check: bool) -> int:
    """Ask, or with `check` compare; the exit status."""
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    addresses = linked()
    if check:
        stale = sorted({*addresses} ^ {*known})
        if stale:
            print(f"docs/links.json: {', '.join(stale)}; run make links")
        return 1 if stale else 0
    record = asked(addresses, known)
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    gone = [address for address, one in record.items() if one["said"] in map(str, GONE)]
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
