"""The second blind list: techniques written down before anyone looked at how the scanner would take them.

Collected on 2026-11-23 from public advisories, papers, threads and other scanners' test suites, without a look at the
scanner's code, its lists, its other corpora or the first blind list; only the command's help and the rules' names were
known. Nothing of it is ever loaded.
"""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

from . import configs, containers, gadgets, graphs, kinds, machine

TECHNIQUES = [
    *gadgets.TECHNIQUES,
    *machine.TECHNIQUES,
    *containers.TECHNIQUES,
    *graphs.TECHNIQUES,
    *configs.TECHNIQUES,
    *kinds.TECHNIQUES,
]
