"""Text of keys and values (YAML, TOML, INI, gin): what in it names code, makes objects or installs.

It is not parsed, since a hostile file would be text that two parsers read in two ways: whatever looks like
a pair to one of them is judged as a pair.
"""

from __future__ import annotations

import re

from lockgate.scan.context import Context
from lockgate.scan.formats import naming, templates

_PAIR = re.compile(
    r"""(?:^|[{,\[]|^[ \t]*-)[ \t]*(["']?)([@$\w.-]{1,80})\1(?:[ \t]*([:=])(?=[ \t]|["'])|(=))"""
    r"""[ \t]*(["']?)([^"'\n,{}\[\]]+)\5""",
    re.MULTILINE,
)
_SECTION = re.compile(r"^\[[\w. :\"'-]+\][ \t]*$", re.MULTILINE)
_KEY = re.compile(r"""^([ \t]*)(?:-[ \t]+)?["']?([@$\w.-]{1,80})["']?[ \t]*:[ \t]*(?:#.*)?$""")
_ITEM = re.compile(r"""^([ \t]*)-[ \t]+["']?([^"'\s:#]+(?::\w+)?)["']?[ \t]*(?:#.*)?$""")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"[ \t]*:')
_ESCAPED = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u00[0-9a-fA-F]{2})")
# YAML's own tags; all others ask the loader for an object, of Python, Java or Ruby, or for a file.
_TAG = re.compile(
    r"(?:[:\-?\[,{][ \t]+|^---[ \t]*)(!!?[A-Za-z][\w.:/<>-]*)|^(!!?[A-Za-z]\w*[.:/][\w.:/<>-]+)", re.MULTILINE
)
_MAPPED = re.compile(r"""["']?\b(auto_map|custom_pipelines)\b["']?[ \t]*:(?![ \t]*(?:null|~|\{\}|\[\]))""")
_TEMPLATE = re.compile(
    r"""^[ \t]*["']?\w*template["']?[ \t]*[:=][ \t]*([\s\S]{1,65536}?)(?=^\S|\Z)""", re.MULTILINE
)
_RESOLVER = re.compile(r"\$\{(?:eval|exec|python|shell|cmd)\s*:")
_CHANNEL = re.compile(r"https?://(?!(?:conda\.anaconda\.org|repo\.anaconda\.com)/)\S+")
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
    r"""^[ \t]*(?:-[ \t]+)?["']?((?:--)?(?:extra-)?index-url[ =]+\S+|--(?:find-links|trusted-host)[ =]\S+"""
    r"""|-e[ \t]+(?:git|\.|/)\S*|-[if][ \t]+https?:\S+|(?:git|hg|svn|bzr)\+\S+"""
    r"""|[\w.\[\],-]+[ \t]*@[ \t]*(?:https?|file|git)\S+)""",
    re.MULTILINE,
)
_TORCH = "https://download.pytorch.org/whl/"


def check(raw: str, context: Context) -> None:
    """Judge text that may be a configuration."""
    sections = bool(_SECTION.search(raw))
    for found in _PAIR.finditer(raw):
        key, colon, quote, value = found.group(2, 3, 5, 6)
        # An assignment without quotes is one of INI or of a shell; elsewhere it is code in a model card.
        if colon == ":" or quote or sections or key.isupper():
            naming.check(key, re.split(r"[ \t]+#", value)[0], context, found.start())
    _items(raw, context)
    _tags(raw, context)
    for found in _QUOTED.finditer(raw):
        if not _ESCAPED.search(found.group(1)):
            continue
        message = "Has a key that is written in escapes, which no writer does and which hides it."
        context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=found.group(1))
    if _GIN.search(raw):
        for found in _GIN_IMPORT.finditer(raw):
            message = f"Has gin import or read {found.group(1)} before anything else."
            context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=found.group(1))
    for found in _MAPPED.finditer(raw):
        message = "Names classes of its own, whose code transformers runs with trust_remote_code."
        context.hit("LG-SCAN-061", "HIGH", message, offset=found.start(), name=found.group(1))
    for found in _TEMPLATE.finditer(raw):
        if templates.looks_like_template(found.group(1)):
            templates.check(found.group(1).strip().strip("|>-\"'"), context, found.start())
    for found in _RESOLVER.finditer(raw):
        message = "Has a resolver of OmegaConf that evaluates what it is given."
        context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=found.group())
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
        elif key == "channels" and (found := _CHANNEL.search(line)):
            message = "Has packages installed that are not from the package index."
            context.hit("LG-SCAN-061", "HIGH", message, offset=at, name=found.group())
        elif key and (found := _ITEM.match(line)):
            naming.check(key, found.group(2), context, at)
        elif line.strip() and not line.lstrip().startswith("#"):
            key = ""
        at += len(line) + 1


def _tags(raw: str, context: Context) -> None:
    for found in _TAG.finditer(raw):
        tag = found.group(1) or found.group(2)
        if tag in _PLAIN or tag.endswith(":") or _SPEECHBRAIN.fullmatch(tag):
            continue
        message = f"Has YAML that asks its loader for more than plain values, {tag}."
        context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=tag)
