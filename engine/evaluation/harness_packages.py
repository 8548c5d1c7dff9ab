"""The packages that a harness asks for in `harness.toml`: those of this Python, or a folder of its own in the cache.

They are installed by their user's word only, once for each list of requirements and version of Python.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path

from domains import cache
from engine.errors import SiaError
from engine.importers import packages
from harness_repo.harness import Harness


def place(harness: Harness) -> Path:
    """The folder for its packages, which need not exist."""
    return packages.packages_folder(cache.folder("harness"), harness.manifest.packages)


def missing(harness: Harness) -> list[str]:
    """Its requirements that neither this Python nor its own folder fulfils; raises `SiaError` if one is not plain."""
    absent = [text for text in harness.manifest.packages if not _is_here(text)]
    return absent if absent and not place(harness).is_dir() else []


def check(harness: Harness, where: Path) -> None:
    """Raises `SiaError` if packages of the harness in the folder `where` are missing."""
    if absent := missing(harness):
        raise SiaError(
            f"the harness in {where} needs packages that are not installed: {', '.join(absent)}",
            f"`sia check {where.parent} --install` installs them for it, in a folder of their own",
        )


def install(harness: Harness, report: Callable[[str], None]) -> None:
    """Installs all that it asks for, if anything is missing; raises `SiaError` if that does not resolve."""
    if missing(harness):
        packages.install(harness.manifest.packages, place(harness), report)


def _is_here(text: str) -> bool:
    from packaging.requirements import Requirement

    _, plain = packages.plain_requirement(text, "harness.toml")
    required = Requirement(plain.partition(" --hash=")[0])
    if required.marker is not None and not required.marker.evaluate():
        return True
    try:
        return required.specifier.contains(metadata.version(required.name), prereleases=True)
    except metadata.PackageNotFoundError:
        module = required.name.replace("-", "_")  # some name a module in place of its project
        return not required.specifier and module.isidentifier() and util.find_spec(module) is not None
