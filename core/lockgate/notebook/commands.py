"""Judge shell commands and installs, wherever in a cell they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from lockgate.outcome import Severity

RUNS = "LG-NOTEBOOK-010"
INSTALLS = "LG-NOTEBOOK-030"
INDEX = "LG-NOTEBOOK-031"
_FROM = ("--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--index", "--default-index")

_FETCH = r"(?:curl|wget|fetch|aria2c|invoke-webrequest|iwr)\b"
_PATH = r"(?:[\w.-]{0,60}/){0,8}"
_RUN = (
    r"(?:sudo\s+(?:-\S{1,20}\s+){0,4})?(?:env\s+)?"
    + _PATH
    + r"(?:(?:ba|z|da|k|c)?sh\b|(?:python[\d.]*|perl|ruby|node|pwsh|iex)\b)"
)
_FETCH_AND_RUN = (
    # curl ... | sh, also through other filters
    re.compile(
        rf"{_FETCH}[^;|\n]{{0,2000}}\|\s*(?:[^|;\n]{{0,300}}\|\s*){{0,5}}(?:{_RUN})(?!\s+-m\s+json)",
        re.IGNORECASE,
    ),
    # bash <(curl ...), sh -c "$(curl ...)", eval "$(wget ...)", `curl ...`
    re.compile(
        rf"(?<![\w/.-])(?:{_RUN}|eval|source|\.)\s[^;\n]{{0,300}}?(?:<\(|\$\(|`)\s*{_FETCH}", re.IGNORECASE
    ),
    # python -c "...urlopen(...)... exec(...)"; iex (iwr ...)
    re.compile(
        rf"(?:{_RUN})\s[^;\n]{{0,100}}?-c\s(?=.{{0,2000}}(?:urlopen|requests\.get|urlretrieve))"
        r".{0,2000}\b(?:exec|eval)\s*\(",
        re.DOTALL,
    ),
    re.compile(rf"\b(?:iex|invoke-expression)\b[^;\n]{{0,300}}{_FETCH}", re.IGNORECASE),
    # something decoded and run
    re.compile(rf"base64\s+(?:-d|-D|--decode)[^;\n]{{0,300}}\|\s*(?:{_RUN})", re.IGNORECASE),
    # a shell that is given to the network
    re.compile(r"/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)\b[^;\n|]*\s-\w*[ec]\w*\s"),
)
_SAVED = re.compile(
    rf"{_FETCH}[^;&|\n]{{0,1000}}?(?:\s-O\s*|\s-o\s*|--output(?:-document)?[ =]|>\s*)(?P<file>[\w./~-]+)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"{_FETCH}[^;&|\n]{{0,300}}?https?://[^\s'\"]{{0,2000}}/(?P<file>[\w.~-]+)", re.IGNORECASE
)
_LONGEST = 200_000  # characters of a command that are looked at
_MOST_FILES = 20  # of one command that are followed
_EXACT = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w, .-]*\])?\s*===?\s*[\w.!+-]+(?<!\.\*)(?:\s*;.*)?\Z")
_CONDA_EXACT = re.compile(r"(?:[\w.-]+::)?[\w.-]+={1,2}[\w.]+(?:=\w+)?\Z")
_COMMIT = re.compile(r"@[0-9a-f]{40}(?:[#?].*)?\Z")
_DIGEST = re.compile(r"#(?:.*&)?sha(?:256|384|512)=[0-9a-f]{64,}")
_TAKES_VALUE = frozenset(
    [
        "-r",
        "--requirement",
        "-c",
        "--constraint",
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "-t",
        "--target",
        "--trusted-host",
        "--prefix",
        "--root",
        "--platform",
        "--python-version",
        "--progress-bar",
        "--proxy",
        "--timeout",
        "--retries",
        "--cache-dir",
        "--python",
        "-p",
        "-n",
        "--name",
        "--channel",
        "--upgrade-strategy",
        "--no-binary",
        "--only-binary",
        "--src",
        "--log",
        "-d",
        "--config-settings",
        "--hash",
    ]
)
_PIP = re.compile(r"(?:^|/)(?:pip|uv|conda|mamba|micromamba)[\d.]*\Z")

Told = tuple[str, Severity, str, str, str]
"""Rule, severity, message, fix, and what counts it once."""


def judge(command: str, fetched: Iterable[str] = ()) -> Iterator[Told]:
    """Yield what is wrong with a shell command.

    Args:
        command: It, of one line or more.
        fetched: Names of files that were fetched before.
    """
    command = command[:_LONGEST]
    if _runs_what_it_fetches(command, fetched):
        yield (
            RUNS,
            Severity.CRITICAL,
            "a command runs what it fetches from elsewhere",
            "Fetch it to a file of a known digest, read it, and run that.",
            "",
        )
    for part in re.split(r"&&|\|\||[;\n|]", command):
        yield from install(_words(part))


def saved_by(command: str) -> set[str]:
    """Return the names of files that a command fetches."""
    command = command[:_LONGEST]
    found = [m.group("file") for m in (*_SAVED.finditer(command), *_NAMED.finditer(command))]
    return {name.rpartition("/")[2] for name in found} - {""}


def install(words: Sequence[str]) -> Iterator[Told]:
    """Yield what an install command leaves open: versions, indexes, repositories."""
    tool = _tool(words)
    if tool is None:
        return
    kind, rest = tool
    hashed = any(w.startswith("--require-hashes") for w in rest)
    skip = False
    for number, word in enumerate(rest):
        option, _, value = word.partition("=")
        address = value or (rest[number + 1] if number + 1 < len(rest) else "")
        if option in _FROM and address.startswith(("http://", "ftp://")):
            yield (
                INDEX,
                Severity.HIGH,
                "an install uses an index without encryption",
                "Use https.",
                option,
            )
        elif option in ("--extra-index-url", "--trusted-host"):
            yield (
                INDEX,
                Severity.MEDIUM,
                f"an install uses {option}",
                "Use one index that you trust for all names.",
                option,
            )
        if skip or word.startswith("-"):
            skip = not skip and word in _TAKES_VALUE
            continue
        if word in (".", "..") or word.startswith(("./", "../", "/", "$", "{")) or not word.strip("'\""):
            continue
        yield from _wanted(word, kind, hashed=hashed)


def _wanted(word: str, kind: str, *, hashed: bool) -> Iterator[Told]:
    name = re.split(r"[\[=<>!~;@ ]", word)[0][:60]
    if "://" in word:
        if word.partition("://")[0].endswith("http") or word.startswith("git://"):
            yield (
                INSTALLS,
                Severity.HIGH,
                "an install fetches a package without encryption",
                "Use https and a commit id or digest.",
                word,
            )
        elif not (_COMMIT.search(word) or _DIGEST.search(word)):
            yield (
                INSTALLS,
                Severity.MEDIUM,
                "an install takes a package from an address whose content may change",
                "Name a whole commit id, or #sha256= of the file.",
                word,
            )
        return
    exact = _CONDA_EXACT if kind == "conda" else _EXACT
    if not hashed and not exact.match(word):
        yield (
            INSTALLS,
            Severity.MEDIUM,
            f"an install of {name!r} names no version",
            "Write ==VERSION, or install from a locked file with hashes.",
            name.lower(),
        )


def _tool(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return which installer a command calls, and the words after `install`."""
    words = [
        w for w in words if w not in ("sudo", "-H", "!", "exec", "time") and not re.match(r"[A-Z_]+=", w)
    ]
    if words[2:] and re.search(r"(?:^|[/}.])(?:python[\d.]*|executable\}?)\Z", words[0]) and words[1] == "-m":
        words = words[2:]
    if not words or not _PIP.search(words[0]):
        return None
    kind = "conda" if "mamba" in words[0] or "conda" in words[0] else "pip"
    verbs = ("install", "add") if words[0].endswith("uv") else ("install",)
    for number, word in enumerate(words[1:4], 2):
        if word in verbs:
            return kind, [w for w in words[number:] if w]
    return None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def _runs_what_it_fetches(command: str, fetched: Iterable[str]) -> bool:
    if any(pattern.search(command) for pattern in _FETCH_AND_RUN):
        return True
    files = {*saved_by(command), *(file for file in fetched if file in command)}
    for file in sorted(files)[:_MOST_FILES]:  # curl -o x ... && sh x, chmod +x x && ./x
        ran = rf"(?:(?:{_RUN})\s+(?:-\S{{1,20}}\s+){{0,4}}{_PATH}|\./){re.escape(file)}(?![\w.])"
        run = rf"(?<![\w/.-]){ran}"
        if re.search(run, command):
            return True
    return False
