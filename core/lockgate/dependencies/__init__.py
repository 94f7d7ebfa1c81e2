"""Read what a project depends on, and hold it against advisories, licences and look-alike names.

    inventory = read(Path("requirements.txt"))          # or uv.lock, pylock.toml, a folder of dist-info
    database = osv.load(Path("all.zip"), inventory.names)
    for package in inventory.packages:
        matching.match(package, database)

Nothing here asks a network: advisories are a snapshot that is given, popular names are a dated list
in this package. Nothing is installed, imported or resolved.
"""

from lockgate.dependencies.package import Inventory, Package, Source
from lockgate.dependencies.reading import read

__all__ = ["Inventory", "Package", "Source", "read"]
