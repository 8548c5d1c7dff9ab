"""The sandbox of a client: the network, its own program and configuration, the folder of its errand, nothing else.

It keeps its user's identity, so that it may use the user's login as it would anywhere. Home and /tmp are empty and
vanish with it. The system's programs are visible as in the sandbox of a harness.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from engine.clients.client import Client
from engine.clients.installed import Installed
from engine.errors import SiaError
from engine.sandbox import Isolation
from engine.sandbox.confinement import view

DESK, LINE = "/run/sia/desk", "/run/sia/line"
"""Where the folder of the errand is inside, and the line to the engine."""
_ETC = (
    *("passwd", "group", "hosts", "host.conf", "nsswitch.conf", "resolv.conf", "gai.conf", "localtime", "services"),
    *("ssl", "pki", "ca-certificates", "crypto-policies"),
)
_CERTIFICATES = ("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki")
_VARIABLES = (
    *("USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "SHELL"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"),
)
_KEYS = ("_API_KEY", "_BASE_URL", "_AUTH_TOKEN")
_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")


class Enclosure(msgspec.Struct, frozen=True):
    """Where an errand takes place: `desk` is its folder, `line` has the program `sia-try` and its socket.

    `private` folders are never visible, whatever lies around them.
    """

    isolation: Isolation
    desk: Path
    line: Path
    private: Sequence[Path] = ()


def check(client: Client, isolation: Isolation) -> None:
    """Raises `SiaError` where there is no sandbox."""
    if isolation.mode in ("unsafe", "none"):
        raise SiaError(
            f"{client.title} works in a sandbox only, and here is none",
            "leave --unsafe-no-sandbox out, and see `sia doctor`; or choose another --agent",
        )


def wrapped(client: Client, installed: Installed, place: Enclosure, words: Sequence[str]) -> list[str]:
    """The command that runs `words` in the sandbox."""
    home = _home()
    shown = view.view(map(str, place.private))
    bound = [*_own(client, home), *installed.needs]
    command = [place.isolation.bwrap, "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc"]
    command += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--clearenv", "--cap-drop", "ALL"]
    if place.isolation.mode != "real":
        command += ["--unshare-user", "--uid", str(os.getuid()), "--gid", str(os.getgid())]
    command += ["--tmpfs", "/tmp", "--tmpfs", str(home), "--dir", "/etc"]  # noqa: S108 - inside
    command += shown.words()
    command += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/dev/shm"]  # noqa: S108 - inside
    command += _read_only([*(Path("/etc", name) for name in _ETC), *map(Path, _CERTIFICATES), *_named_files()])
    command += _read_only(_outermost(installed.needs))
    command += [word for path in _own(client, home) for word in ("--bind-try", str(path), str(path))]
    command += _read_only(obeyed(client))
    command += ["--bind", str(place.desk), DESK, "--bind", str(place.line), LINE]
    command += [word for path in _hidden(place.private, bound) for word in ("--tmpfs", str(path))]
    command += ["--remount-ro", "/"]
    for name, value in _environment(client, installed, home).items():
        command += ["--setenv", name, value]
    return [*command, "--chdir", DESK, "--", *words]


def _home() -> Path:
    return view.homes()[0].absolute()


def _own(client: Client, home: Path) -> list[Path]:
    """The client's own folders and files, in the place that its variable names or below the home."""
    if client.home and (elsewhere := os.environ.get(client.home)):
        return [Path(elsewhere).absolute()]
    return [home / name for name in client.own]


def obeyed(client: Client) -> list[Path]:
    """The settings that make the client run programs: read-only inside, since it runs without a sandbox elsewhere."""
    if client.home and (elsewhere := os.environ.get(client.home)):
        return [Path(elsewhere).absolute().joinpath(*Path(name).parts[1:]) for name in client.obeyed]
    return [_home() / name for name in client.obeyed]


def is_own(client: Client, path: str) -> bool:
    """Whether a path, as it is inside, is one of the client's own."""
    return any(Path(path).is_relative_to(own) for own in _own(client, _home()))


def _read_only(paths: Iterable[Path]) -> list[str]:
    """Shows each file or folder under its own path, wherever its links lead."""
    return [word for path in dict.fromkeys(paths) for word in ("--ro-bind-try", str(path.resolve()), str(path))]


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that a folder among them shows: a link in one that is shown already cannot be bound over."""
    found = list(paths)
    return [path for path in found if not any(path != one and path.is_relative_to(one) for one in found)]


def _named_files() -> Iterator[Path]:
    """Certificates that the user's variables name."""
    for name in _FILES:
        if value := os.environ.get(name):
            yield Path(value).absolute()


def _hidden(private: Iterable[Path], bound: Sequence[Path]) -> list[Path]:
    """The private folders that something bound would show."""
    real = [path.resolve() for path in private if path.exists()]
    return [path for path in real if any(path.is_relative_to(one.resolve()) for one in bound)]


def _environment(client: Client, installed: Installed, home: Path) -> dict[str, str]:
    """The client's variables: its own, keys, proxies and certificates. Nothing of them is kept."""
    found = {
        name: value
        for name, value in os.environ.items()
        if name in (*_VARIABLES, client.home) or name.startswith(tuple(client.variables)) or name.endswith(_KEYS)
    }
    programs = [LINE, *dict.fromkeys(str(path.parent) for path in installed.needs if path.is_file())]
    path = ":".join([*programs, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
    return found | {"PATH": path, "HOME": str(home), "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"} | client.settings
