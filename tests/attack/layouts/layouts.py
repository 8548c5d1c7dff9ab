"""Layouts of Python, environment, project and home as people have them, built for real.

    python layouts.py NAME UID REPOSITORY PACKAGES

Run as root of a mount namespace of its own: /home, /usr/src and /usr/local are empty file systems there, so nothing of
this machine is touched. Builds layout NAME, owned by UID, plants secrets in it, and starts `layout_driver.py` as UID
with the layout's Python. The driver imports the engine from REPOSITORY and libraries from PACKAGES.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HOME = Path("/home/me")
PYTHON = f"python3.{sys.version_info.minor}"
SYSTEM = Path("/usr/bin", PYTHON)
STDLIB = Path(sysconfig.get_path("stdlib"))
UID = sys.argv[2] if __name__ == "__main__" else ""
_NOT_NEEDED = shutil.ignore_patterns(
    "test", "tests", "site-packages", "dist-packages", "__pycache__", "idlelib", "tkinter", "lib2to3", "config-*"
)


@dataclass
class Layout:
    """The Python to start, the folder to start it in, and the folders in which secrets lie."""

    python: Path
    project: Path
    folders: list[Path] = field(default_factory=list)


LAYOUTS: dict[str, Callable[[], Layout]] = {}


def layout(build: Callable[[], Layout]) -> Callable[[], Layout]:
    LAYOUTS[build.__name__] = build
    return build


def install(folder: Path) -> None:
    """Puts the one package that the sandbox needs into a folder of packages, with its record, as pip would."""
    for file in importlib.metadata.files("msgspec") or ():
        source, target = Path(str(file.locate())), folder / file
        if ".." not in file.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def base(folder: Path) -> Path:
    """A Python of its own in `folder`, as uv, pyenv and conda unpack or build it."""
    own = UID == "0"  # another user may not be able to enter the folder of this one's libraries
    program, library = (Path(sys.executable).resolve(), STDLIB) if own else (SYSTEM, Path("/usr/lib", PYTHON))
    (folder / "bin").mkdir(parents=True)
    shutil.copy(program, folder / "bin" / PYTHON)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(PYTHON)
    shutil.copytree(library, folder / "lib" / PYTHON, ignore=_NOT_NEEDED)
    (folder / "lib" / PYTHON / "site-packages").mkdir()
    for file in Path(sys.base_prefix, "lib").glob("libpython*.so*") if own else ():
        shutil.copy(file, folder / "lib", follow_symlinks=False)
    return folder / "bin" / "python3"


def with_packages(python: Path) -> Path:
    """The same Python, with the packages beside its library instead of in an environment."""
    ask = "import site; print(site.getsitepackages()[0])"
    install(Path(subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()))
    return python


def venv(python: Path, folder: Path) -> Path:
    """An environment made by `python`, as `python -m venv` makes it."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    install(folder / "lib" / PYTHON / "site-packages")
    return folder / "bin" / "python"


def around(prefix: Path) -> list[Path]:
    """Every folder of an environment in which a person's file may lie."""
    return [prefix, prefix / "bin", prefix / "lib", prefix / "lib" / PYTHON, prefix / "lib" / PYTHON / "site-packages"]


@layout
def project_below_usr_src() -> Layout:
    project = Path("/usr/src/app")
    return Layout(venv(SYSTEM, project / ".venv"), project, around(project / ".venv"))


@layout
def environment_is_the_project() -> Layout:
    project = HOME / "project"
    return Layout(venv(SYSTEM, project), project, around(project))


@layout
def environment_is_the_home() -> Layout:
    return Layout(venv(SYSTEM, HOME), HOME, around(HOME))


@layout
def python_in_local_bin() -> Layout:
    python, project = base(HOME / ".local"), HOME / "project"
    return Layout(venv(python, project / ".venv"), project, around(HOME / ".local"))


@layout
def link_in_local_bin() -> Layout:
    python = base(HOME / ".local" / "opt" / "python")
    link, project = HOME / ".local" / "bin" / "python3", HOME / "project"
    link.parent.mkdir()
    link.symlink_to(python)
    return Layout(venv(link, project / ".venv"), project, around(HOME / ".local" / "opt" / "python"))


@layout
def python_installed_into_the_home() -> Layout:
    python = with_packages(base(HOME))
    return Layout(python, HOME / "project", around(HOME))


@layout
def uv() -> Layout:
    store, project = HOME / ".local" / "share" / "uv" / "python", HOME / "project"
    base(store / "cpython-3.11.7-linux-x86_64-gnu")
    (store / "cpython-3.11-linux-x86_64-gnu").symlink_to("cpython-3.11.7-linux-x86_64-gnu")
    python = store / "cpython-3.11-linux-x86_64-gnu" / "bin" / PYTHON
    return Layout(venv(python, project / ".venv"), project, [store, *around(store / "cpython-3.11-linux-x86_64-gnu")])


@layout
def pyenv() -> Layout:
    versions, project = HOME / ".pyenv" / "versions", HOME / "project"
    python = base(versions / "3.11.7")
    return Layout(venv(python, project / ".venv"), project, [versions, *around(versions / "3.11.7")])


@layout
def pyenv_without_environment() -> Layout:
    versions = HOME / ".pyenv" / "versions"
    python = with_packages(base(versions / "3.11.7"))
    return Layout(python, HOME / "project", [versions, *around(versions / "3.11.7")])


@layout
def pipx() -> Layout:
    folder = HOME / ".local" / "share" / "pipx"
    return Layout(venv(SYSTEM, folder / "venvs" / "sia-tui"), HOME / "project", [folder, folder / "venvs"])


def _conda(folder: Path) -> Path:
    python = with_packages(base(folder))
    (folder / "conda-meta").mkdir()
    files = [f"lib/{path.relative_to(folder / 'lib')}" for path in (folder / "lib").rglob("*") if path.is_file()]
    listed = ",".join(f'"{file}"' for file in files)
    (folder / "conda-meta" / "python-3.11.json").write_text(f'{{"name": "python", "files": [{listed}]}}')
    return python


@layout
def conda() -> Layout:
    folder = HOME / "miniconda3" / "envs" / "work"
    return Layout(_conda(folder), HOME / "project", [folder.parent, *around(folder)])


@layout
def conda_environment_is_the_project() -> Layout:
    return Layout(_conda(HOME / "project"), HOME / "project", around(HOME / "project"))


@layout
def a_path_with_spaces() -> Layout:
    project = HOME / "my project (new) #1"
    return Layout(venv(base(HOME / "my python"), project / ".venv"), project, around(HOME / "my python"))


@layout
def python_of_a_docker_image() -> Layout:
    python = with_packages(base(Path("/usr/local")))
    return Layout(python, Path("/usr/local/app"), [Path("/usr/local/src/app"), *around(Path("/usr/local"))])


@layout
def packages_of_the_user() -> Layout:
    install(HOME / ".local" / "lib" / PYTHON / "site-packages")
    return Layout(SYSTEM, HOME / "project", around(HOME / ".local"))


@layout
def a_home_that_is_a_link() -> Layout:
    real = Path("/usr/src/homes/me")
    (real / "project").mkdir(parents=True)
    HOME.rmdir()
    HOME.symlink_to(real)
    return Layout(venv(base(HOME / "python"), HOME / "project" / ".venv"), HOME / "project", around(HOME / "python"))


def plant(layout: Layout) -> list[str]:
    """Secrets in every folder of the layout in which nothing of a person should be seen."""
    folders = [HOME, layout.project, *layout.folders, *map(Path, ("/usr/src/other", "/usr/local/other", "/home/you"))]
    folders += [HOME / name for name in (".ssh", ".local/share/keyrings", ".cache/sia/lawbench", ".config")]
    folders += [layout.project / name for name in ("data", "answers", ".sia", "lib/data")]
    found = []
    for folder in dict.fromkeys(folders):
        folder.mkdir(parents=True, exist_ok=True)
        found.append(folder / "secret.csv")
    found += [layout.project / "domain.py", layout.project / ".sia" / "events.db", HOME / ".netrc"]
    for path in found:
        path.write_text("the labels")
    return [str(path) for path in found]


def main() -> None:
    name, uid, repository, libraries = sys.argv[1:]
    for folder in ("/home", "/usr/src", "/usr/local"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "none", folder], check=True)
    HOME.mkdir()
    made = LAYOUTS[name]()
    secrets = plant(made)
    for top in (Path("/home"), Path("/usr/src"), Path("/usr/local")):
        for path in [top, *top.rglob("*")]:
            os.chown(path, int(uid), int(uid), follow_symlinks=False)
    os.chdir(made.project)
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if int(uid) != os.geteuid() else []
    environment = {"HOME": str(HOME), "PATH": "/usr/bin:/bin", "PYTHONPATH": f"{repository}:{libraries}"}
    driver = str(Path(__file__).with_name("layout_driver.py"))
    command = [*become, str(made.python), driver, *secrets]
    os.execvpe(command[0], command, environment)  # noqa: S606


if __name__ == "__main__":
    main()
