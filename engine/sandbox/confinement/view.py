"""What is visible in a sandbox of this machine's files: an allow-list of folders and single files.

Visible: the system's programs, libraries and headers; of this Python its binary, its standard library, the packages
that their installer recorded, and the links that lead there. A file is visible under the path that it has outside.
Everything else is absent: above all the folders in which these lie, such as a home, a project, a checkout, `~/.local`.
`private` folders are empty wherever they are, also inside a visible one.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import pwd
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from domains import cache
from engine.sandbox.confinement import packages

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_MORE = ("include", "libexec/gcc", "share/zoneinfo", "local/cuda", "local/nvidia")
_LANGUAGES = ("share/perl", "share/perl5", "share/R", "share/julia", "share/nodejs", "share/go-*")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives")
_MOST_LINKS = 40


@dataclass(frozen=True)
class View:
    """`binds` and `masks` are paths without links, outer ones first; a mask hides what a bind around it would show.
    `links` maps the path of each symbolic link that is needed to its target."""

    binds: tuple[Path, ...]
    masks: tuple[Path, ...]
    links: dict[Path, Path]

    def words(self) -> list[str]:
        """The arguments of bubblewrap."""
        words: list[str] = []
        made = {Path("/")}

        def make(folders: Iterable[Path]) -> Iterator[str]:
            for folder in folders:
                if folder not in made and not self.shows(folder):
                    made.add(folder)
                    # bwrap itself would make the parents of a bind unreadable to others
                    yield from ("--perms", "0755", "--dir", str(folder))

        masks = [path for path in self.masks if _exists(path)]  # what is gone needs none, and could not be covered
        for path in sorted((*self.binds, *masks), key=lambda path: len(path.parts)):
            words += make(parents(path))
            if path in self.binds:
                words += ["--ro-bind", str(path), str(path)]
            elif path.is_dir():
                words += ["--perms", "0755", "--tmpfs", str(path)]
            else:
                words += ["--ro-bind", os.devnull, str(path)]  # cannot be opened: devices are off in this mount
        for link, target in self.links.items():
            words += make(parents(link))
            words += ["--symlink", str(target), str(link)]
        for path in masks:
            words += ["--remount-ro", str(path)] if path.is_dir() else []
        return words

    def shows(self, path: Path) -> bool:
        """Whether a path without links is visible."""
        return _shown(path, self.binds, self.masks)

    def folders(self) -> set[Path]:
        """The folders that exist inside only because they contain something visible."""
        around = {parent for path in (*self.binds, *self.links) for parent in parents(path)}
        return {path for path in around if not self.shows(path)}


def view(private: Iterable[str] = ()) -> View:
    """What to show on this machine. Raises `OSError` if this interpreter cannot be found or read."""
    changing = [*packages.site_folders(), *_library(), *map(Path, (sys.prefix, sys.executable, "/usr/local/lib"))]
    now = tuple((path, path.stat().st_mtime_ns) for path in changing if _exists(path))
    return _view((*map(Path, private), *_private()), now)


@functools.lru_cache
def _view(private: tuple[Path, ...], _changed: tuple[tuple[Path, int], ...]) -> View:
    links: dict[Path, Path] = {}
    wanted = {_follow(path, links) for path in (*system(), *_python()) if _exists(path)}
    hidden = {real for path in (*private, *_strays()) if _exists(real := path.resolve())}
    binds: list[Path] = []
    masks: list[Path] = []
    for path in sorted(wanted | hidden, key=lambda path: (len(path.parts), path)):
        if _shown(path, binds, masks) == (path in hidden):
            (masks if path in hidden else binds).append(path)
    kept = {link: target for link, target in links.items() if not _shown(link, binds, masks)}
    return View(tuple(binds), tuple(masks), kept)


def interpreter() -> list[str]:
    """The command of this Python, without the user's site folder and the script's folder on its path.

    In a path with `..` the folder before it need not exist inside.
    """
    python = Path(sys.executable)
    return [str(python.parent.resolve() / python.name if ".." in python.parts else python), "-s", "-P"]


def parents(path: Path) -> list[Path]:
    """The folders around `path`, the outermost first, without the root."""
    return list(reversed(path.parents))[1:]


def system() -> Iterator[Path]:
    """The system's own folders and files that are visible, where they exist."""
    for name in _SYSTEM:
        yield from (Path("/", name), Path("/usr", name))
    yield from (Path("/usr", name) for name in _SYSTEM_MORE)
    yield from (path for name in _LANGUAGES for path in Path("/usr").glob(name))
    yield from map(Path, _ETC)
    yield from _libraries(Path("/usr/local/lib"), "lib")


def _python() -> Iterator[Path]:
    """The files of this Python, under the paths by which it finds them."""
    base = Path(sys.base_prefix)
    programs = [Path(sys.executable), Path(getattr(sys, "_base_executable", None) or sys.executable)]
    names = ("python", "python3", f"python3.{sys.version_info.minor}")
    real = programs[0].resolve()
    yield from programs
    yield from (path for one in programs for name in names if (path := one.with_name(name)).resolve() == real)
    yield from (Path(sys.prefix, "pyvenv.cfg"), *_library())
    for folder in {base / "lib", Path(sysconfig.get_config_var("LIBDIR") or base / "lib")}:
        yield from _libraries(folder, "libpython")
    if packages.is_conda(base):
        yield base / "lib"  # extension modules link to its libraries
    yield from packages.site_folders()
    headers = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    zones = (sysconfig.get_config_var("TZPATH") or "").split(os.pathsep)
    yield from (Path(path) for path in (*headers, *zones) if path)


def _libraries(folder: Path, prefix: str) -> Iterator[Path]:
    """The shared libraries of this prefix directly in `folder`, which may be absent or closed to us."""
    with contextlib.suppress(OSError):
        yield from (
            path for path in sorted(folder.iterdir()) if path.name.startswith(prefix) and ".so" in path.suffixes
        )


def _library() -> list[Path]:
    """The standard library: its folders, and the archive that may stand for it."""
    of_base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    of_base |= {"installed_base": sys.base_prefix, "installed_platbase": sys.base_exec_prefix}
    found = [Path(sysconfig.get_path(name, vars=of_base)) for name in ("stdlib", "platstdlib")]
    found += [Path(path) for path in sys.path if path.endswith(("lib-dynload", f"python3{sys.version_info.minor}.zip"))]
    return [*dict.fromkeys(found)]


def _strays() -> Iterator[Path]:
    """What lies in the folders of packages and of the standard library, but does not belong to them."""
    own = [path.resolve() for path in system()]
    folders = {folder.resolve() for folder in packages.site_folders()}
    base = Path(sys.base_prefix).resolve()
    found = [path for folder in folders for path in packages.strays(folder, base)]
    for library in {path.resolve() for path in _library() if path.is_dir() and path.name != "lib-dynload"}:
        found += [path for path in packages.library_strays(library) if path not in folders]
    if packages.is_conda(base):
        found += packages.conda_strays(base / "lib", base)
    for path in found:  # the system's own folders have no such records, and links lead to what is not visible
        if path.name in packages.OURS or not (path.is_symlink() or any(path.is_relative_to(one) for one in own)):
            yield path


def homes() -> list[Path]:
    """This user's home: by `$HOME`, and by the system's entry."""
    found = [os.environ.get("HOME")]
    with contextlib.suppress(KeyError):  # a user without an entry
        found.append(pwd.getpwuid(os.getuid()).pw_dir)
    return [Path(path) for path in found if path]


def _private() -> Iterator[Path]:
    """Folders with labels, runs, keys or a person's files, as far as a process can know them."""
    yield from (*homes(), cache.folder())
    with contextlib.suppress(FileNotFoundError):  # the current folder is gone
        yield Path(os.environ.get("SIA_WORKSPACE") or ".sia").expanduser().absolute()
    yield from (Path(root, name) for root in sys.path for name in packages.OURS if root)


def _shown(path: Path, binds: Iterable[Path], masks: Iterable[Path]) -> bool:
    """Whether the innermost bind or mask around `path`, or `path` itself, is a bind."""
    around = [(len(one.parts), one in binds) for one in (*binds, *masks) if path.is_relative_to(one)]
    return max(around, default=(0, False))[1]


def _exists(path: Path) -> bool:
    """Whether the path exists, as far as this user can see."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def _follow(path: Path, links: dict[Path, Path]) -> Path:
    """The path without links; adds the links on the way to `links`."""
    at, left, seen = Path("/"), list(reversed(path.absolute().parts[1:])), 0
    while left:
        part = left.pop()
        here = at.parent if part == ".." else at / part
        if not here.is_symlink():
            at = here
            continue
        seen += 1
        if seen > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        links[here] = target = here.readlink()
        at = Path("/") if target.is_absolute() else at
        left += [part for part in reversed(target.parts) if part != "/"]
    return at
