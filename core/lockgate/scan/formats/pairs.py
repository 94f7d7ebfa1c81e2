"""Text of keys and values (YAML, TOML, INI, gin): what in it names code, makes objects or installs.

It is not parsed, since a hostile file would be text that two parsers read in two ways: whatever looks like
a pair to one of them is judged as a pair.
"""

from __future__ import annotations

import re

from lockgate.scan.context import Context
from lockgate.scan.formats import naming

_PAIR = re.compile(
    r"""(?:^|[{,\[]|^[ \t]*-)[ \t]*(["']?)([@$\w.-]{1,80})\1[ \t]*[:=](?=[ \t]|["'])"""
    r"""[ \t]*(["']?)([^"'\n,{}\[\]]+)\3""",
    re.MULTILINE,
)
_KEY = re.compile(r"""^([ \t]*)(?:-[ \t]+)?["']?([@$\w.-]{1,80})["']?[ \t]*:[ \t]*(?:#.*)?$""")
_ITEM = re.compile(r"""^([ \t]*)-[ \t]+["']?([^"'\s:#]+(?::\w+)?)["']?[ \t]*(?:#.*)?$""")
_ESCAPED = re.compile(r'"((?:[^"\\\n]|\\.)*\\(?:x[0-9a-fA-F]{2}|u00[0-9a-fA-F]{2})(?:[^"\\\n]|\\.)*)"[ \t]*:')
# YAML's own tags; all others ask the loader for an object, of Python, Java or Ruby, or for a file.
_TAG = re.compile(r"(?:^|[:\-?\[,{][ \t]+|^---[ \t]*)(!!?[A-Za-z][\w.:/<>-]*)(?:[ \t]+(\S+))?", re.MULTILINE)
_PLAIN = frozenset(
    f"!!{name}"
    for name in (
        *("str", "int", "float", "bool", "null", "seq", "map", "set", "omap", "pairs", "binary", "timestamp"),
        *("merge", "value"),
    )
) | {"!ref", "!PLACEHOLDER", "!tuple"}
_SPEECHBRAIN = re.compile(r"!(new|name):(speechbrain\.[\w.]*\.[A-Z]\w*|torch\.(nn|optim)\.[\w.]*[A-Z]\w*)")
_GIN = re.compile(r"^[\w./]+(\.[\w.]+)?[ \t]*=[ \t]*[@%][\w./]+", re.MULTILINE)
_GIN_IMPORT = re.compile(r"^(?:import|include|from)[ \t]+(\S+)", re.MULTILINE)
_INSTALLED = re.compile(
    r"""^[ \t]*(?:-[ \t]+)?["']?(--(?:extra-)?index-url[ =]\S+|--find-links[ =]\S+|--trusted-host[ =]\S+"""
    r"""|-e[ \t]+(?:git|\.|/)\S*|-[if][ \t]+https?:\S+|(?:git|hg|svn|bzr)\+\S+"""
    r"""|[\w.\[\],-]+[ \t]*@[ \t]*(?:https?|file|git)\S+)""",
    re.MULTILINE,
)
_TORCH = "https://download.pytorch.org/whl/"


def check(raw: str, context: Context) -> None:
    """Judge text that may be a configuration."""
    for found in _PAIR.finditer(raw):
        value = re.split(r"[ \t]+#", found.group(4))[0]
        naming.check(found.group(2), value, context, found.start())
    _items(raw, context)
    _tags(raw, context)
    for found in _ESCAPED.finditer(raw):
        message = "Has a key that is written in escapes, which no writer does and which hides it."
        context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=found.group(1))
    if _GIN.search(raw):
        for found in _GIN_IMPORT.finditer(raw):
            message = f"Has gin import or read {found.group(1)} before anything else."
            context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=found.group(1))
    for found in _INSTALLED.finditer(raw):
        if _TORCH not in found.group(1):
            message = "Has packages installed that are not from the package index."
            context.hit("LG-SCAN-061", "HIGH", message, offset=found.start(), name=found.group(1))


def _items(raw: str, context: Context) -> None:
    """Judge the items of lists by the key above them."""
    key, at = "", 0
    for line in raw.split("\n"):
        if found := _KEY.match(line):
            key = found.group(2)
        elif key and (found := _ITEM.match(line)):
            naming.check(key, found.group(2), context, at)
        elif line.strip() and not line.lstrip().startswith("#"):
            key = ""
        at += len(line) + 1


def _tags(raw: str, context: Context) -> None:
    for found in _TAG.finditer(raw):
        tag = found.group(1)
        if tag in _PLAIN or tag.endswith(":") or _SPEECHBRAIN.fullmatch(tag):
            continue
        message = f"Has YAML that asks its loader for more than plain values, {tag}."
        context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=tag)
