"""Single slips of the finger, of which most misspelt words have one (Damerau 1964)."""

from __future__ import annotations

_KINDS = 6


def typo(text: str, kind: float, place: float) -> str:
    """Return a text with one slip; never the same text, and never an empty one out of another.

    Neighbours exchanged, a letter left out, doubled or replaced by the next of the alphabet, upper case for
    lower, and a blank at the end.

    Args:
        text: What was meant.
        kind: Which slip, from 0 to below 1.
        place: Where, from 0 to below 1 of its length.
    """
    if not text:
        return " "
    at = int(place * len(text))
    slip = int(kind * _KINDS)
    made = text
    if slip == 0 and len(text) > 1:
        at = min(at, len(text) - 2)
        made = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    elif slip == 1 and len(text) > 1:
        made = text[:at] + text[at + 1 :]
    elif slip == 2:  # noqa: PLR2004 - the third of the six
        made = text[: at + 1] + text[at:]
    elif slip == 3:  # noqa: PLR2004 - the fourth
        made = text[:at] + _next_letter(text[at]) + text[at + 1 :]
    elif slip == 4:  # noqa: PLR2004 - the fifth
        made = text.swapcase()
    return made if made != text else text + " "


def _next_letter(letter: str) -> str:
    following = chr(ord(letter) + 1)
    return following if letter.isascii() and letter.isalnum() and following.isalnum() else "x"
