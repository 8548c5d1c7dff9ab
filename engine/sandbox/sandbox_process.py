"""Starts and ends the processes of one sandbox: the worker in bubblewrap, or the worker alone if unsafe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.sandbox import process_tree
from engine.sandbox.channel import Control
from engine.sandbox.confinement import packages, profile, seccomp, view
from engine.sandbox.isolation import Isolation
from engine.sandbox.program import Program
from engine.sandbox.temporary import remove, temporary_folder

MB = 1 << 20
START_S = 30.0
STOP_S = 5.0
MOST_FILES = 256
_UNUSED_UIDS = range(1879048192, 1879048192 + (1 << 24))
"""Uids that nothing assigns, by systemd's table of users (systemd.io/UIDS-GIDS)."""


class StartError(Exception):
    """The sandbox could not be started on this machine; the message is from bubblewrap or the worker."""


@dataclass
class SandboxProcess:
    """The processes of a sandbox. They end when the host closes its control socket."""

    process: subprocess.Popen[bytes]
    control: Control
    errors: int
    folder: Path | None
    pid: int = 0
    init: int | None = None
    """A pidfd of the first process of the pid namespace: it ends after all others inside."""

    def find_init(self) -> None:
        """Looks for the first process inside, unless it is known or there is none."""
        if self.init is None and self.folder is None:
            for pid in process_tree.descendants(self.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    self.init = os.pidfd_open(pid)
                return

    def kill(self) -> None:
        """Kills every process inside. With bubblewrap the kernel does so once the first of them has died.

        Before it has started the worker, a child of bubblewrap waits for its parent, and would wait for ever: then, as
        without bubblewrap, each process is killed by itself.
        """
        if self.folder is not None or not self.pid:
            found = []
            process_tree.stop(self.process.pid)  # it starts no other meanwhile
            for pid in process_tree.descendants(self.process.pid):
                process_tree.stop(pid)  # before its children are looked for
                found.append(pid)
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.kill()

    async def close(self) -> None:
        """Kills all processes; returns when no process, descriptor or folder is left."""
        self.find_init()
        self.kill()
        await self.wait_exit(STOP_S)
        if self.init is not None:
            await _ended(self.init, STOP_S)
            os.close(self.init)
            self.init = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self.control.wait_closed()
        self.control.close()
        os.close(self.errors)
        if self.folder is not None:
            remove(self.folder)

    async def wait_exit(self, patience_s: float) -> int | None:
        """Waits for the outermost process; its exit status, or None if it has not ended in time."""
        if self.process.returncode is None:
            pidfd = os.pidfd_open(self.process.pid)
            try:
                await _ended(pidfd, patience_s)
            finally:
                os.close(pidfd)
        return self.process.poll()

    def stderr_text(self) -> str:
        """What bubblewrap and the worker wrote to standard error before the harness was loaded."""
        return os.pread(self.errors, 1 << 14, 0).decode("utf-8", "replace").strip()


async def _ended(pidfd: int, patience_s: float) -> None:
    """Waits for the end of a process, or until `patience_s` have passed."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(patience_s):
            await ended.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(pidfd)


async def launch(program: Program, isolation: Isolation) -> SandboxProcess:
    """Starts a worker, which waits for its first frame and has run no harness code. Raises `StartError`."""
    if len(program.files) > MOST_FILES:
        raise StartError(f"a harness of more than {MOST_FILES} files")
    ours, theirs = socket.socketpair()
    control = Control(ours)
    errors = os.memfd_create("errors")
    folder = temporary_folder("unsafe") if isolation.mode == "unsafe" else None
    scratch = ["prepare", "0"]
    try:
        with theirs:
            if folder is not None:
                process = _start_bare(program.files, folder, scratch, theirs.fileno(), errors)
            else:
                process = _start_contained(program, isolation, scratch, theirs.fileno(), errors)
    except OSError as error:
        control.close()
        os.close(errors)
        if folder is not None:
            remove(folder)
        raise StartError(str(error)) from None
    launched = SandboxProcess(process, control, errors, folder)
    try:
        async with asyncio.timeout(START_S):
            launched.pid = await control.ready()
        launched.find_init()
    except (EOFError, OSError, TimeoutError):
        await launched.wait_exit(STOP_S)
        said = launched.stderr_text() or "it ended at once"
        await launched.close()
        raise StartError(said) from None
    except BaseException:
        await launched.close()
        raise
    return launched


def _start_contained(
    program: Program, isolation: Isolation, scratch: list[str], control: int, errors: int
) -> subprocess.Popen[bytes]:
    contents = {f"{profile.INSIDE_HARNESS}/{path}": content for path, content in program.files.items()}
    machine = seccomp.machine()
    with contextlib.ExitStack() as stack:

        def hold(content: bytes) -> int:
            descriptor = os.memfd_create("file")
            stack.callback(os.close, descriptor)
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
            os.lseek(descriptor, 0, os.SEEK_SET)
            return descriptor

        uid = _own_uid() if isolation.mode == "real" else profile.NOBODY
        accounts = {"/etc/passwd": f"nobody:x:{uid}:{uid}:nobody:/:/bin/sh\n", "/etc/group": f"nogroup:x:{uid}:\n"}
        contents |= {path: text.encode() for path, text in accounts.items()}
        files = {path: hold(content) for path, content in contents.items()}
        filter_fd = hold(seccomp.program(machine, loopback=program.gateway)) if machine else None
        identity = isolation.mode
        assert identity in ("real", "user", "mapped")  # noqa: S101  (narrows a type; `launch` knows)
        command = profile.command(
            isolation.bwrap,
            identity,
            view.view(program.private),
            uid=uid,
            control=control,
            seccomp=filter_fd,
            files=files,
            scratch=[f"{profile.INSIDE_SCRATCH}/{name}" for name in scratch],
            disk_bytes=program.limits.disk_mb * MB,
            python=view.interpreter(),
            devices=program.devices,
            folders=program.folders,
            writable_tmp=program.writable_tmp,
        )
        passed = [control, *files.values(), *([filter_fd] if filter_fd is not None else [])]
        return _spawn(command, {}, passed, errors)


def _own_uid() -> int:
    """A uid that no other sandbox has: the kernel counts the processes of RLIMIT_NPROC by uid.

    Where root is that of a namespace with fewer users, as in some containers, it is the usual nobody.
    """
    rows = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    uid = secrets.choice(_UNUSED_UIDS)
    return uid if any(first <= uid < first + count for first, _, count in rows) else profile.NOBODY


def _start_bare(
    files: Mapping[str, bytes], folder: Path, scratch: list[str], control: int, errors: int
) -> subprocess.Popen[bytes]:
    for path, content in files.items():
        target = folder / "harness" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for name in scratch:
        (folder / "scratch" / name).mkdir(parents=True)
    command = [*view.interpreter(), str(profile.WORKER / "__main__.py"), str(control), "keep", *packages.user_folders()]
    return _spawn(command, profile.ENVIRONMENT, [control], errors)


def _spawn(
    command: list[str], environment: Mapping[str, str], passed: list[int], errors: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment,
        pass_fds=passed,
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        cwd="/",
        start_new_session=True,
    )
