"""A machine on which nothing was done yet: a user with an empty home, a fresh clone, and next to no environment.

Commands are lines for a shell, as documentation has them. Each one is told of while it runs, its output is kept, and
it is ended, with all that it started, when its time is over.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.sandbox import process_tree

ROOT = Path(__file__).parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OF_PIP = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
PREFIX = "sia-fresh-"
TEMPORARY = Path("/tmp")  # noqa: S108  (short, whatever $TMPDIR is, and open to the other user)
TELL_S = 60.0
ENDING_S = 2.0
SHOWN_LINES = 80
SHARED = bool(os.environ.get("SHARED"))
"""Whether root and the ordinary user share the work, as CI has them do, instead of both doing all of it."""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
_began = time.monotonic()


@dataclass(frozen=True)
class Person:
    """The user who runs the commands; `home` is a new and empty folder."""

    name: str
    uid: int
    gid: int
    home: Path


@dataclass(frozen=True)
class Machine:
    """A person's machine; what was printed by each command is in a file of `logs`."""

    person: Person
    environment: Mapping[str, str]
    logs: Path
    count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def clone(self) -> Path:
        """Where the person has cloned the repository to."""
        return self.person.home / "sia"

    @property
    def activated(self) -> dict[str, str]:
        """The environment after `. .venv/bin/activate` in the clone."""
        return {**self.environment, "PATH": f"{self.clone / '.venv/bin'}:{self.environment['PATH']}"}

    def folder(self, name: str) -> Path:
        """A new folder of the person's, outside the home; what is put into it is the person's after `own`."""
        made = self.logs.parent / "folders" / f"{self.person.name}-{name}"
        made.mkdir(parents=True)
        self.own(made)
        return made

    def own(self, path: Path) -> None:
        """Gives `path` and what is in it to the person."""
        subprocess.run(["chown", "-hR", f"{self.person.uid}:{self.person.gid}", str(path)], check=True)

    def run(self, command: str, *where: Path, **how: Any) -> str:
        """What the command prints, called as by `call`; the test fails where its exit status is not 0."""
        status, output = self.call(command, *where, **how)
        assert status == 0, f"exit status {status} of `{command}` as {self.person.name}:\n{_end_of(output)}"
        return output

    def call(
        self,
        command: str,
        cwd: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        wall_s: float = 600,
        umask: int = 0o022,
    ) -> tuple[int, str]:
        """The exit status and what was printed; the test fails where it takes too long or leaves a process behind."""
        log = self.logs / f"{self.person.name}-{next(self.count):03d}.log"
        tell(self.person.name, f"$ {command}")
        with log.open("wb") as file:
            process = subprocess.Popen(
                ["/bin/bash", "-c", command],
                cwd=cwd or self.clone,
                env=self.environment if environment is None else environment,
                user=self.person.uid,
                group=self.person.gid,
                extra_groups=[] if os.getuid() == 0 else None,
                umask=umask,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        began = time.monotonic()
        while _runs(process, min(TELL_S, began + wall_s - time.monotonic())) and time.monotonic() < began + wall_s:
            tell(self.person.name, f"  {time.monotonic() - began:.0f} s: {_last_line(log)}")
        status, left = process.poll(), _end(process)
        took = time.monotonic() - began
        output = log.read_text(errors="replace")
        assert status is not None, f"`{command}` took more than {wall_s:g} s as {self.person.name}:\n{_end_of(output)}"
        tell(self.person.name, f"  exit status {status} after {took:.1f} s")
        assert not left, f"`{command}` left processes behind: {left}\n{_end_of(output)}"
        return status, output


@contextlib.contextmanager
def machine(name: str) -> Iterator[Machine]:
    """A machine with a fresh clone of the revision under test; nothing is left of it afterwards.

    `name` is `root` or `ordinary`: a user made for the purpose where this is root, and else whoever this is.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # what a command leaves behind becomes a child of ours
    _remove_stale()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=TEMPORARY))
    try:
        folder.chmod(0o755)
        logs = folder / "logs"
        logs.mkdir()
        with _person(name, folder / name) as person:
            temporary = folder / "tmp"
            temporary.mkdir()
            made = Machine(person, {**bare(person), "TMPDIR": str(temporary)}, logs)
            made.own(temporary)
            _clone(made.clone, os.environ.get("REVISION", "HEAD"))
            made.own(person.home)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bare(person: Person) -> dict[str, str]:
    """No more of an environment than a login has, and what pip needs on this machine to reach its index."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.upper() in OF_PIP}
    ours.pop("PIP_CACHE_DIR", None)
    return {**ours, "PATH": PATH, "HOME": str(person.home)}


def tell(who: str, line: str) -> None:
    """Says where the test is: it takes many minutes."""
    print(f"[{time.monotonic() - _began:5.0f} s {who}] {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _person(name: str, home: Path) -> Iterator[Person]:
    home.mkdir()
    if name == "root" or os.getuid() != 0:
        yield Person(name, os.getuid(), os.getgid(), home)
        return
    account = f"{PREFIX}{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", "--home-dir", str(home), account], check=True)
    try:
        entry = pwd.getpwnam(account)
        yield Person(name, entry.pw_uid, entry.pw_gid, home)
    finally:
        subprocess.run(["userdel", "--force", account], check=True, stderr=subprocess.DEVNULL)


def _remove_stale() -> None:
    """Removes what tests that were killed have left: users and folders."""
    stale = [entry.pw_name for entry in pwd.getpwall() if _is_stale(entry.pw_name)]
    for name in stale:  # the tests as root and as an ordinary user begin together: each user is removed by one of them
        subprocess.run(["userdel", "--force", name], check=False, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10.0
    while left := {entry.pw_name for entry in pwd.getpwall()}.intersection(stale):
        assert time.monotonic() < until, f"{left} could not be removed"
        time.sleep(0.1)
    for folder in TEMPORARY.glob(f"{PREFIX}*"):
        if _is_stale(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _is_stale(name: str) -> bool:
    return name.startswith(PREFIX) and not Path("/proc", name.removeprefix(PREFIX).split("-")[0]).exists()


def _clone(target: Path, revision: str) -> None:
    commit = subprocess.check_output(["git", "-C", str(ROOT), "rev-parse", revision], text=True).strip()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(target)], check=True)
    subprocess.run(["git", "-C", str(target), "checkout", "--quiet", "--detach", commit], check=True)


def _runs(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it runs for that long; orphans are reaped meanwhile, as init does."""
    until = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() >= until:
            return True
        for pid in process_tree.descendants(os.getpid()):
            if pid != process.pid and _zombie(pid):
                with contextlib.suppress(ChildProcessError):  # the child of another
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(0.1)
    return False


def _end(process: subprocess.Popen[bytes]) -> list[str]:
    """Ends all processes that a command has started; names those that outlived it."""
    left = []
    until = time.monotonic() + ENDING_S  # the kernel takes a moment to end what has been killed
    while pids := [pid for pid in process_tree.descendants(os.getpid()) if not _zombie(pid)]:
        if process.poll() is not None and time.monotonic() < until:
            time.sleep(0.1)
            continue
        left += [f"{pid} {_words(pid)}" for pid in pids if pid != process.pid]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    with contextlib.suppress(ChildProcessError):
        process.wait()
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return left


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip()[-150:] for line in reversed(lines) if line.strip()), "")


def _end_of(output: str) -> str:
    lines = output.splitlines()
    return "\n".join(lines[-SHOWN_LINES:])
