"""Read what a project depends on, and hold it against advisories, licences and look-alike names.

    inventory = read(Path("requirements.txt"))          # or uv.lock, pylock.toml, a folder of dist-info
    database = osv.load(Path("all.zip"), inventory.names)
    for package in inventory.packages:
        matching.match(package, database)

Nothing here asks a network: advisories are a snapshot that is given, popular names are a dated list
in this package. Nothing is installed, imported or resolved.
"""

import sys
from importlib.util import find_spec

from lockgate.dependencies import environment
from lockgate.dependencies.package import Inventory, Package, Source
from lockgate.dependencies.reading import read
from lockgate.errors import MissingExtraError

__all__ = ["Inventory", "Package", "Source", "environment", "read", "require"]


def require() -> None:
    """Say at once that a library is missing, not in the middle of a file that needs it.

    Raises:
        MissingExtraError: ``packaging`` is not here, or on Python 3.10 ``tomli``.
    """
    for module in ("packaging", *(("tomli",) if sys.version_info < (3, 11) else ())):
        if find_spec(module) is None:
            raise MissingExtraError("supply-chain", module)
