"""Put the table of one benchmark into RESULTS.md, and leave those of the others alone."""

from __future__ import annotations

import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def write_section(title: str, lines: list[str]) -> None:
    """Replace the section ``## title``, or add it at the end."""
    page = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Results\n"
    section = f"## {title}\n\n" + "\n".join(lines).strip() + "\n"
    parts = re.split(r"(?m)^(?=## )", page)
    kept = [part.rstrip("\n") + "\n" for part in parts if not part.startswith(f"## {title}\n")]
    RESULTS.write_text("\n".join([*kept, section]), encoding="utf-8")
