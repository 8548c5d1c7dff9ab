"""What a machine may lack, or have too much of: each condition changes the place in which a job runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GIT_CONFIG = """
[user]
    useConfigOnly = true
[commit]
    gpgSign = true
[tag]
    gpgSign = true
[gpg]
    program = /bin/false
[core]
    hooksPath = /nonexistent
    autocrlf = true
    logAllRefUpdates = true
[init]
    defaultBranch = trunk
[diff]
    external = /bin/false
    mnemonicPrefix = true
[color]
    ui = always
[transfer]
    fsckObjects = true
[safe]
    bareRepository = explicit
"""
LONG = "a folder with a long name, as build machines make them for each of their jobs, "


@dataclass
class Place:
    """Where, how and by whom a job is run; `inside` is an empty folder of its own."""

    inside: Path
    folder: Path
    environment: dict[str, str]
    uid: int
    umask: int = 0o022

    def behind(self, words: str) -> None:
        """Puts these words before whatever `sia` is called with."""
        path = self.environment["PATH"]
        sia = self.inside / "bin" / "sia"
        sia.parent.mkdir()
        sia.write_text(f'#!/bin/sh\nexec {words} {shutil.which("sia", path=path)} "$@"\n')
        sia.chmod(0o755)
        self.environment["PATH"] = f"{sia.parent}:{path}"


Change = Callable[[Place], None]
CONDITIONS: dict[str, Change] = {}
HERE: dict[str, Change] = {}
"""Conditions that can be made on the machine that runs the tests."""


def condition(change: Change) -> Change:
    """Lists a change under its name."""
    CONDITIONS[change.__name__] = change
    return change


def here(change: Change) -> Change:
    """Lists a change in `HERE` under its name."""
    HERE[change.__name__] = change
    return change


@condition
def nothing(place: Place) -> None:
    pass


@condition
def git_variables(place: Place) -> None:
    """As in a hook of a repository into which somebody pushes, and then some."""
    other = place.inside / "other.git"
    place.environment |= {
        "GIT_DIR": str(other),
        "GIT_COMMON_DIR": str(other),
        "GIT_WORK_TREE": str(place.inside / "tree"),
        "GIT_INDEX_FILE": str(place.inside / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(other / "alternates"),
        "GIT_QUARANTINE_PATH": str(other / "objects" / "incoming"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_CONFIG": str(place.inside / "none"),
        "GIT_CONFIG_GLOBAL": str(place.inside / "none"),
        "GIT_CONFIG_SYSTEM": str(place.inside / "none"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "nonsense",
        "GIT_CONFIG_PARAMETERS": "'core.compression'='nonsense'",
        "GIT_EXTERNAL_DIFF": "/bin/false",
        "GIT_DIFF_OPTS": "--unified=0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_AUTHOR_NAME": "Somebody",
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
        "GIT_COMMITTER_EMAIL": "somebody@localhost",
        "GIT_TRACE": "1",
    }


@condition
def a_git_configuration_of_the_users(place: Place) -> None:
    """Everything signed with a key that is not there; and no identity."""
    file = place.inside / "gitconfig"
    file.write_text(GIT_CONFIG)
    place.environment["GIT_CONFIG_GLOBAL"] = str(file)


@condition
def lang_c(place: Place) -> None:
    place.environment["LANG"] = "C"


@condition
def lc_all_c(place: Place) -> None:
    place.environment["LC_ALL"] = "C"


@condition
def a_locale_without_unicode(place: Place) -> None:
    """What LC_ALL=de_DE.ISO-8859-1 comes to, on machines that lack that locale too."""
    place.environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@condition
def no_term(place: Place) -> None:
    place.environment.pop("TERM", None)


@condition
def a_screen_of_no_size(place: Place) -> None:
    """As a serial console and some shells of build machines say."""
    place.environment |= {"COLUMNS": "0", "LINES": "0"}


@here
def a_screen_of_one_column(place: Place) -> None:
    place.environment |= {"COLUMNS": "1", "LINES": "1"}


@here
def a_screen_whose_size_is_no_number(place: Place) -> None:
    place.environment |= {"COLUMNS": "wide", "LINES": ""}


@here
def a_terminal_that_nobody_knows(place: Place) -> None:
    place.environment["TERM"] = "nonsense"


@here
def a_locale_that_is_not_installed(place: Place) -> None:
    place.environment |= {"LANG": "xx_YY.UTF-8", "LC_ALL": "xx_YY.UTF-8"}


@here
def a_time_zone_that_is_not_there(place: Place) -> None:
    place.environment["TZ"] = "Nowhere/None"


@here
def a_home_that_is_not_there(place: Place) -> None:
    place.environment["HOME"] = str(place.inside / "nowhere" / "home")


@here
def a_time_zone_at_the_end_of_the_world(place: Place) -> None:
    place.environment["TZ"] = "<+2459>-24:59:59"


@here
def home_and_tmpdir_that_are_files(place: Place) -> None:
    file = place.inside / "file"
    file.touch()
    place.environment |= {"HOME": str(file), "TMPDIR": str(file)}


@here
def home_and_tmpdir_that_are_devices(place: Place) -> None:
    """As services get `HOME=/dev/null`."""
    place.environment |= {"HOME": os.devnull, "TMPDIR": os.devnull}


@here
def optimised_python_that_takes_warnings_for_errors(place: Place) -> None:
    place.environment |= {"PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error"}


@here
def umask_777(place: Place) -> None:
    """What a file is made with, its own user may not even read."""
    place.umask = 0o777


@here
def an_empty_path(place: Place) -> None:
    place.behind("/usr/bin/env PATH=")


@here
def no_path(place: Place) -> None:
    place.behind("/usr/bin/env -u PATH")


@here
def no_program_but_sia(place: Place) -> None:
    """Above all, no git."""
    programs = place.inside / "programs"
    programs.mkdir()
    (programs / "sia").symlink_to(shutil.which("sia", path=place.environment["PATH"]) or "")
    place.environment["PATH"] = str(programs)


@condition
def no_home(place: Place) -> None:
    place.environment.pop("HOME", None)


@condition
def home_that_is_read_only(place: Place) -> None:
    home = place.inside / "home"
    home.mkdir(mode=0o555)
    place.environment["HOME"] = str(home)
    if place.uid == 0:  # root may write everywhere but where nobody may
        mount = f"mount --bind {home} {home} && mount -o remount,ro,bind {home}"
        place.behind(f"unshare --mount sh -c '{mount} && exec \"$@\"' -")


@condition
def umask_077(place: Place) -> None:
    place.umask = 0o077


@condition
def tmpdir_with_spaces(place: Place) -> None:
    _tmpdir(place, "a folder with spaces, a $HOME and a 'quote'")


@condition
def tmpdir_with_a_long_name(place: Place) -> None:
    _tmpdir(place, LONG * 3)


@condition
def tmpdir_that_is_not_there(place: Place) -> None:
    place.environment["TMPDIR"] = str(place.inside / "nowhere")


@condition
def workspace_behind_a_link(place: Place) -> None:
    """The link stands where the user is; the folder is elsewhere, under a long name."""
    real = place.inside / (LONG * 2)
    real.mkdir()
    link = place.inside / "link"
    link.symlink_to(real)
    place.folder = link


@condition
def everything_at_once(place: Place) -> None:
    for change in TOGETHER:
        change(place)


TOGETHER = (
    git_variables,
    a_locale_without_unicode,
    no_term,
    a_screen_of_no_size,
    a_time_zone_that_is_not_there,
    no_home,
    umask_077,
    tmpdir_with_a_long_name,
    workspace_behind_a_link,
)


def _tmpdir(place: Place, name: str) -> None:
    folder = place.inside / name
    folder.mkdir()
    place.environment["TMPDIR"] = str(folder)
