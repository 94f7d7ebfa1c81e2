"""Find personal data in text: numbers whose check digits hold, addresses, telephone numbers.

What has no check digit, or one that many numbers pass by chance, counts only beside a word that
says what it is. Sources of the check digits: ISO 7064 and ISO 13616 (IBAN), ISO/IEC 7812 (cards),
and the issuing authorities' published rules for each national number.
"""

# ruff: noqa: PLR2004 - months, days and ranges of issuers are numbers of the rules themselves
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from lockgate.notebook.sieve import Finder, sieve

_NEAR = 80  # characters before a number, in which the word that names it may stand
_TEST_CARDS = frozenset([
    "4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444", "5105105105105100",
    "378282246310005", "371449635398431", "6011111111111117", "6011000990139424", "30569309025904",
    "38520000023237", "3530111333300000", "3566002020360505", "4000056655665556", "2223003122003222",
])  # fmt: skip
_IBAN_LENGTHS = {
    word[:2]: int(word[2:])
    for word in [
        "AD24",
        "AE23",
        "AL28",
        "AT20",
        "AZ28",
        "BA20",
        "BE16",
        "BG22",
        "BH22",
        "BR29",
        "BY28",
        "CH21",
        "CR22",
        "CY28",
        "CZ24",
        "DE22",
        "DK18",
        "DO28",
        "EE20",
        "EG29",
        "ES24",
        "FI18",
        "FO18",
        "FR27",
        "GB22",
        "GE22",
        "GI23",
        "GL18",
        "GR27",
        "GT28",
        "HR21",
        "HU28",
        "IE22",
        "IL23",
        "IS26",
        "IT27",
        "JO30",
        "KW30",
        "KZ20",
        "LB28",
        "LI21",
        "LT20",
        "LU20",
        "LV21",
        "MC27",
        "MD24",
        "ME22",
        "MK19",
        "MR27",
        "MT31",
        "MU30",
        "NL18",
        "NO15",
        "PK24",
        "PL28",
        "PS29",
        "PT25",
        "QA29",
        "RO24",
        "RS22",
        "SA24",
        "SE24",
        "SI19",
        "SK24",
        "SM27",
        "TN24",
        "TR26",
        "UA29",
        "VA22",
        "XK20",
    ]
}
_TEST_IBANS = frozenset(["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606",
                         "GB82WEST12345698765432", "NL91ABNA0417164300", "CH9300762011623852957",
                         "ES9121000418450200051332", "BE68539007547034", "AT611904300234573201"])  # fmt: skip
_NOBODY = re.compile(
    r"(?:^|[._+-])(?:no-?reply|git|example|user(?:name)?|name|foo|bar|test|john\.?doe|jane\.?doe|you|me|someone|email)"
    r"@|@(?:[\w-]+\.)*(?:example|test|invalid|localhost|domain|email|company|yourdomain|sample|users\.noreply\.github)"
    r"(?:\.|$)|\.(?:png|jpe?g|gif|svg|webp|js|css|py|local)$",
    re.IGNORECASE,
)


class Personal(NamedTuple):
    """Something personal: its kind, line, whether it alone is grave, and what counts it once."""

    kind: str
    line: int
    grave: bool
    same: str


@dataclass(frozen=True)
class _Number:
    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]
    word: re.Pattern[str] | None = None

    @cached_property
    def bare(self) -> re.Pattern[str]:
        """The pattern without what must not stand before or behind it."""
        return re.compile(self.pattern.pattern.removeprefix(_A).removesuffix(_Z))

    @cached_property
    def said(self) -> re.Pattern[str] | None:
        """The words in small letters, also as parts of others."""
        return None if self.word is None else re.compile(_inside(self.word.pattern))

    def may_find(self, text: str, folded: str) -> bool:
        """See `lockgate.notebook.sieve.Finder`; what looks at no neighbours is asked first, it is faster."""
        if self.said is not None and not self.said.search(folded):
            return False
        return self.bare.search(text) is not None and self.pattern.search(text) is not None

    def found(self, line: str, number: int, taken: list[tuple[int, int]]) -> Iterator[Personal]:
        """Yield the numbers of this kind in a line that are in no number of another kind."""
        for match in self.pattern.finditer(line):
            if any(a < match.end() and match.start() < b for a, b in taken):
                continue
            near = line[max(0, match.start() - _NEAR) : match.start()]
            if self.word is not None and not self.word.search(near):
                continue
            bare = re.sub(r"[\s./-]", "", match.group()).upper()
            if self.holds(bare):
                taken.append(match.span())
                yield Personal(self.kind, number, True, bare)


class _Finder(Finder, Protocol):
    def found(self, line: str, number: int, taken: list[tuple[int, int]]) -> Iterator[Personal]: ...


class _Email:
    def may_find(self, text: str, folded: str) -> bool:  # noqa: ARG002 - see `sieve.Finder`
        """See `lockgate.notebook.sieve.Finder`."""
        return "@" in text and _EMAIL.search(text) is not None

    def found(self, line: str, number: int, taken: list[tuple[int, int]]) -> Iterator[Personal]:  # noqa: ARG002
        """Yield the addresses in a line."""
        for match in _EMAIL.finditer(line):
            if not _NOBODY.search(match.group()):
                yield Personal("e-mail address", number, False, match.group().lower())


class _Phone:
    def may_find(self, text: str, folded: str) -> bool:  # noqa: ARG002 - see `sieve.Finder`
        """See `lockgate.notebook.sieve.Finder`."""
        return _PHONE_BARE.search(text) is not None and _PHONE.search(text) is not None

    def found(self, line: str, number: int, taken: list[tuple[int, int]]) -> Iterator[Personal]:
        """Yield the telephone numbers in a line that are in no other number."""
        for match in _PHONE.finditer(line):
            digits = re.sub(r"\D", "", match.group())
            if _is_phone(digits) and not any(a < match.end() and match.start() < b for a, b in taken):
                yield Personal("telephone number", number, False, digits)


def find(text: str) -> Iterator[Personal]:
    """Yield the personal data in a text."""
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if len(line) >= 6]
    finders: tuple[_Finder, ...] = (_Email(), *_NUMBERS, _Phone())
    for (number, line), left in sieve(lines, finders):
        taken: list[tuple[int, int]] = []
        for one in left:
            yield from one.found(line, number, taken)


def _is_phone(digits: str) -> bool:
    """Whether digits may be a telephone number (E.164), and none kept for fiction."""
    fiction = re.search(r"55501\d\d$", digits)
    return 8 <= len(digits) <= 15 and not fiction and len(set(digits)) > 3


# --- Check digits -----------------------------------------------------------------------------------


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(digits: str) -> bool:
    length, four = len(digits), int(digits[:4])
    network = (
        (digits[0] == "4" and length in (13, 16, 19))
        or (length == 16 and (51 <= four // 100 <= 55 or 2221 <= four <= 2720 or 3528 <= four <= 3589))
        or (length == 15 and four // 100 in (34, 37))
        or (length == 16 and (four == 6011 or four // 100 == 65 or 644 <= four // 10 <= 649))
        or (length == 14 and (300 <= four // 10 <= 305 or four // 100 in (36, 38)))
    )
    return network and luhn(digits) and len(set(digits)) > 3 and digits not in _TEST_CARDS


def iban(text: str) -> bool:
    """Whether a text is an IBAN: the length of its country and a remainder of 1 (ISO 13616-1)."""
    if _IBAN_LENGTHS.get(text[:2]) != len(text) or text in _TEST_IBANS:
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def _cpf(d: str) -> bool:
    return len(set(d)) > 1 and all(
        int(d[n]) == _weighted(d[:n], tuple(range(n + 1, 1, -1))) * 10 % 11 % 10 for n in (9, 10)
    )


def _dni(t: str) -> bool:
    digits = {"X": "0", "Y": "1", "Z": "2"}.get(t[0], t[0]) + t[1:-1]
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == t[-1] and t != "12345678Z"


def _nir(d: str) -> bool:
    month = int(d[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42) and 97 - int(d[:13]) % 97 == int(d[13:])


_ODD_PLACES = "1 0 5 7 9 13 15 17 19 21 1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23"
"""What each character counts at an odd place of a codice fiscale (D.M. 23.12.1976)."""


def _codice_fiscale(t: str) -> bool:
    order = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    odd = dict(zip(order, map(int, _ODD_PLACES.split()), strict=True))
    even = {c: int(c) if c.isdigit() else ord(c) - 65 for c in odd}
    total = sum(odd[c] if i % 2 == 0 else even[c] for i, c in enumerate(t[:15]))
    return chr(65 + total % 26) == t[15]


def _rrn_belgium(d: str) -> bool:
    return any(97 - int(lead + d[:9]) % 97 == int(d[9:]) for lead in ("", "2"))


def _pesel(d: str) -> bool:
    month = int(d[2:4]) % 20
    return (
        1 <= month <= 12
        and 1 <= int(d[4:6]) <= 31
        and (10 - _weighted(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(d[10])
    )


def _bsn(d: str) -> bool:
    return (_weighted(d[:8], (9, 8, 7, 6, 5, 4, 3, 2)) - int(d[8])) % 11 == 0 and len(set(d)) > 1


def _steuer_id(d: str) -> bool:
    product = 10
    for digit in d[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return d[0] != "0" and (11 - product) % 10 == int(d[10])


def _nhs(d: str) -> bool:
    return (11 - _weighted(d[:9], tuple(range(10, 1, -1))) % 11) % 11 == int(d[9]) and len(set(d)) > 1


def _personnummer(d: str) -> bool:
    return luhn(d[-10:]) and 1 <= int(d[-8:-6]) <= 12 and 1 <= int(d[-6:-4]) <= 31


_VERHOEFF_D = tuple(
    tuple((a + b) % 5 if a < 5 and b < 5 else (a + (b - 5)) % 5 + 5 if a < 5
          else ((a - 5) - b) % 5 + 5 if b < 5 else ((a - 5) - (b - 5)) % 5 for b in range(10))
    for a in range(10)
)  # fmt: skip
_VERHOEFF_P = [tuple(range(10)), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)]
while len(_VERHOEFF_P) < 8:
    _VERHOEFF_P.append(tuple(_VERHOEFF_P[1][p] for p in _VERHOEFF_P[-1]))


def verhoeff(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (J. Verhoeff, 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _VERHOEFF_D[check][_VERHOEFF_P[place % 8][int(digit)]]
    return check == 0


def _ssn(d: str) -> bool:
    return d[:3] not in ("000", "666") and d[0] != "9" and d[3:5] != "00" and d[5:] != "0000" and d not in (
        "078051120", "219099999", "123456789"
    )  # fmt: skip


def _sin(d: str) -> bool:
    return d[0] not in "08" and luhn(d) and len(set(d)) > 1


# --- Patterns ---------------------------------------------------------------------------------------

_A, _Z = r"(?<![\w.+/=#-])", r"(?![\w+/=]|[.-]\d)"  # no part of a longer number, path or hash
_EMAIL = re.compile(
    r"(?<![\w.+/-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w@])"
)
_PHONE_BARE = re.compile(r"\+[1-9]\d{1,}[\d .()-]{4}|\+[1-9][ .(-]|\([2-9]\d\d\) ?[2-9]\d\d-")
_PHONE = re.compile(
    rf"(?<![\w+.=-])\+[1-9]\d{{0,2}}[ .-]?(?:\(\d{{1,4}}\)[ .-]?)?\d{{2,4}}(?:[ .-]?\d{{2,4}}){{1,4}}{_Z}"
    rf"|(?<![\w(])\([2-9]\d\d\) ?[2-9]\d\d-\d{{4}}{_Z}"
)


_BEFORE, _BEHIND = "(?<![a-z])(?:", ")(?![a-z])"


def _said(words: str) -> re.Pattern[str]:
    return re.compile(_BEFORE + words + _BEHIND, re.IGNORECASE)


def _inside(pattern: str) -> str:
    return pattern.removeprefix(_BEFORE).removesuffix(_BEHIND)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_A + text + _Z)


_NUMBERS = (
    _Number(
        "IBAN", _pattern(r"[A-Z]{2}\d\d(?:[A-Z0-9]{11,27}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)"), iban
    ),
    _Number("card number", _pattern(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}"), _card),
    _Number("card number", _pattern(r"3[47]\d\d([ -])\d{6}\1\d{5}"), _card),
    _Number(
        "card number",
        _pattern(r"\d{13,19}"),
        _card,
        _said(
            "cards?|credit|debit|visa|mastercard|amex|pan|cc|ccn|cc_?num(?:ber)?|card_?(?:num(?:ber)?|no)|kreditkarte"
        ),
    ),
    _Number(
        "social security number (US)",
        _pattern(r"\d{3}-\d\d-\d{4}"),
        _ssn,
        _said(r"ssns?|social[ _-]?security(?:[ _-]?(?:no|num(?:ber)?))?"),
    ),
    _Number("CPF (Brazil)", _pattern(r"\d{3}\.\d{3}\.\d{3}-\d\d"), _cpf),
    _Number(
        "DNI or NIE (Spain)",
        _pattern(r"[XYZ\d]\d{7}-?[A-HJ-NP-TV-Z]"),
        _dni,
        _said("dni|nie|nif|documento|identidad"),
    ),
    _Number(
        "NIR (France)",
        _pattern(r"[12] ?\d\d ?\d\d ?\d\d ?\d{3} ?\d{3} ?\d\d"),
        _nir,
        _said(r"nir|insee|s[ée]curit[ée] sociale|num[ée]ro_?s[ée]cu|nss|secu"),
    ),
    _Number(
        "codice fiscale (Italy)", _pattern(r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]"), _codice_fiscale
    ),
    _Number("national number (Belgium)", _pattern(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d"), _rrn_belgium),
    _Number(
        "personnummer (Sweden)",
        _pattern(r"(?:19|20)?\d{6}[-+]\d{4}"),
        _personnummer,
        _said("personnummer|pnr|personal_?id"),
    ),
    _Number(
        "Aadhaar number (India)", _pattern(r"[2-9]\d{3} ?\d{4} ?\d{4}"), verhoeff, _said("aadhaar|uidai|uid")
    ),
    _Number("PESEL (Poland)", _pattern(r"\d{11}"), _pesel, _said("pesel")),
    _Number("BSN (Netherlands)", _pattern(r"\d{9}"), _bsn, _said("bsn|burgerservicenummer|sofinummer")),
    _Number(
        "tax id (Germany)",
        _pattern(r"\d{2} ?\d{3} ?\d{3} ?\d{3}"),
        _steuer_id,
        _said("steuer-?id|idnr|steueridentifikationsnummer|steuer_id"),
    ),
    _Number(
        "NHS number (UK)",
        _pattern(r"\d{3}[ -]?\d{3}[ -]?\d{4}"),
        _nhs,
        _said("nhs(?:[ _]?(?:no|num(?:ber)?))?"),
    ),
    _Number(
        "social insurance number (Canada)",
        _pattern(r"\d{3}[ -]\d{3}[ -]\d{3}"),
        _sin,
        _said("sin|nas|social insurance(?: number)?"),
    ),
)
