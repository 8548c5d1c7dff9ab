"""Harnesses that attack their sandbox, for `deep_probe`: each says what it tries, and how a sandbox that holds answers.

An attack either reaches for something, and answers with a list of what it reached (empty where the sandbox holds); or
it uses something up, and must be ended as `Attack.ends` says.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from engine.failure import FailureKind

_EXHAUSTED: tuple[FailureKind, ...] = ("resource", "timeout")
_ENDED: tuple[FailureKind, ...] = (*_EXHAUSTED, "candidate")


class Attack(NamedTuple):
    """`source` defines `attack(instance, ctx)`; `ends` are the failures that show that the sandbox held."""

    name: str
    tries: str
    source: str
    ends: tuple[FailureKind, ...] = ()


def _code(source: str) -> str:
    return textwrap.dedent(source).lstrip()


ATTACKS = (
    Attack(
        "environment",
        "looks for a word of this environment in every process that it sees",
        _code("""
            import os
            def attack(instance, ctx):
                word, reached = instance.data["key"], []
                for pid in filter(str.isdigit, os.listdir("/proc")):
                    try:
                        with open(f"/proc/{pid}/environ", "rb") as file:
                            if word.encode() in file.read():
                                reached.append(f"/proc/{pid}/environ")
                    except OSError:
                        pass
                return reached
        """),
    ),
    Attack(
        "network",
        "connects to a port and to an abstract socket of this machine",
        _code("""
            import socket
            def attack(instance, ctx):
                reached = []
                for family, address in ((socket.AF_INET, ("127.0.0.1", instance.data["port"])),
                                        (socket.AF_INET6, ("::1", instance.data["port"])),
                                        (socket.AF_UNIX, "\\0" + instance.data["name"])):
                    try:
                        with socket.socket(family) as client:
                            client.settimeout(2)
                            client.connect(address)
                            reached.append(str(address))
                    except OSError:
                        pass
                return reached
        """),
    ),
    Attack(
        "descriptors",
        "reads, and writes to, every file that it was started with",
        _code("""
            import os, stat
            def attack(instance, ctx):
                reached = []
                for name in os.listdir("/proc/self/fd"):
                    try:
                        path, mode = os.readlink(f"/proc/self/fd/{name}"), os.fstat(int(name)).st_mode
                    except OSError:
                        continue
                    if stat.S_ISREG(mode) or stat.S_ISBLK(mode):
                        if not path.startswith(("/run/sia/", "/memfd:", "/usr/", os.path.dirname(os.__file__))):
                            reached.append(path)
                return reached
        """),
    ),
    Attack(
        "other processes",
        "signals, traces and writes to every process that is not its own",
        _code("""
            import ctypes, os
            def attack(instance, ctx):
                libc, reached = ctypes.CDLL(None, use_errno=True), []
                for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
                    if pid == os.getpid():
                        continue
                    if libc.ptrace(16, pid, 0, 0) == 0:
                        reached.append(f"ptrace of {pid}")
                    try:
                        os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
                        reached.append(f"memory of {pid}")
                    except OSError:
                        pass
                return reached
        """),
    ),
    Attack(
        "files to write",
        "writes to every folder outside its scratch folders",
        _code("""
            import os, time
            def attack(instance, ctx):
                # beside its own lies that of `prepare`, which is emptied before each job
                own, reached, until = os.path.dirname(os.path.realpath(".")), [], time.monotonic() + 2
                for folder, names, _ in os.walk("/"):
                    if folder == "/":  # what is likely to be writable first: the time may not be enough for all
                        names[:] = {*names} - {"proc", "sys"}
                        names.sort(key=lambda name: name not in ("run", "tmp", "dev", "var", "home", "root", "mnt"))
                    if time.monotonic() > until:
                        break
                    if folder.startswith(own):
                        continue
                    if os.access(folder, os.W_OK):
                        try:
                            path = os.path.join(folder, "sia-planted")
                            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
                            reached.append(folder)
                            os.unlink(path)
                        except OSError:
                            pass
                return reached
        """),
    ),
    Attack(
        "fork bomb",
        "forks without end",
        _code("""
            import os, time
            def attack(instance, ctx):
                while True:
                    try:
                        os.fork()
                    except OSError:
                        time.sleep(0.01)
        """),
        _EXHAUSTED,
    ),
    Attack(
        "memory",
        "takes memory in eight processes",
        _code("""
            import os, time
            def attack(instance, ctx):
                for _ in range(8):
                    if os.fork() == 0:
                        held = bytearray(b"x") * (128 << 20)
                        time.sleep(60)
                time.sleep(60)
        """),
        _EXHAUSTED,
    ),
    Attack(
        "memory without an address",
        "takes memory in files of memory that it does not map",
        _code("""
            import os, time
            def attack(instance, ctx):
                part, held = bytes(1 << 20), os.memfd_create("held")
                for _ in range(2048):
                    os.write(held, part)
                return ["2 GB in a file of memory"]
        """),
        _ENDED,
    ),
    Attack(
        "disk",
        "fills the disk",
        _code("""
            def attack(instance, ctx):
                with open("big", "wb") as file:
                    while True:
                        file.write(bytes(1 << 16))
        """),
        _ENDED,
    ),
    Attack(
        "processor in children",
        "spends CPU time in children that nobody waits for, and ignores all signals",
        _code("""
            import os, signal, time
            def attack(instance, ctx):
                for number in set(range(1, 65)) - {9, 19, 32, 33}:
                    signal.signal(number, signal.SIG_IGN)
                os.setsid()
                while True:
                    if os.fork() == 0:
                        until = time.process_time() + 0.2
                        while time.process_time() < until:
                            pass
                        os._exit(0)
                    time.sleep(0.1)
        """),
        _EXHAUSTED,
    ),
    Attack(
        "time",
        "sleeps for ever",
        _code("""
            import time
            def attack(instance, ctx):
                time.sleep(1e6)
        """),
        _EXHAUSTED,
    ),
    Attack(
        "talk without end",
        "makes refused calls for ever",
        _code("""
            def attack(instance, ctx):
                while True:
                    try:
                        ctx.model.chat([{"role": "user", "content": "x"}])
                    except Exception:
                        pass
        """),
        (*_ENDED, "model"),
    ),
    Attack(
        "output",
        "prints without end",
        _code("""
            def attack(instance, ctx):
                while True:
                    print("x" * 1000)
        """),
        _EXHAUSTED,
    ),
    Attack(
        "forged messages",
        "writes rubbish to every socket that it holds",
        _code("""
            import os, stat, struct
            def attack(instance, ctx):
                for number in range(3, 64):
                    try:
                        if stat.S_ISSOCK(os.fstat(number).st_mode):
                            os.write(number, struct.pack("!I", 5) + b"\\xdd\\xff\\xff\\xff\\xff")
                    except OSError:
                        pass
                os._exit(0)
        """),
        ("candidate",),
    ),
    Attack(
        "killing what it sees",
        "kills every process that it may signal",
        _code("""
            import os, signal
            def attack(instance, ctx):
                for pid in (os.getppid(), 1, -1):
                    os.kill(pid, signal.SIGKILL)
                while True:
                    pass
        """),
        _ENDED,
    ),
)

SURVIVOR = _code("""
    import ctypes, os, signal, time
    def solve(instance, ctx):
        libc = ctypes.CDLL(None, use_errno=True)
        for number in set(range(1, 65)) - {9, 19, 32, 33}:
            signal.signal(number, signal.SIG_IGN)
        libc.prctl(1, 0, 0, 0, 0)  # no signal when the parent dies
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
        while True:
            time.sleep(60)
""")
"""A harness that does all it can to outlive its engine."""
