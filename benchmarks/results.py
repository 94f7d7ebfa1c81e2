"""Put the table of one benchmark into RESULTS.md, and leave those of the others alone."""

from __future__ import annotations

import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
NOTES = "### Notes\n"
"""What stands under this heading was written by hand; it stays when the section is measured again."""


def write_section(title: str, lines: list[str], page: Path = RESULTS) -> None:
    """Replace the section ``## title`` where it stands, but for its notes, or add it at the end."""
    text = page.read_text("utf-8") if page.exists() else "# Results\n"
    parts = [part.rstrip("\n") + "\n" for part in re.split(r"(?m)^(?=## )", text)]
    section = f"## {title}\n\n" + "\n".join(lines).strip() + "\n"
    for i, part in enumerate(parts):
        if part.startswith(f"## {title}\n"):
            _, heading, notes = part.partition(f"\n{NOTES}")
            parts[i] = section + heading + notes
            break
    else:
        parts.append(section)
    page.write_text("\n".join(parts), encoding="utf-8")
