"""The inside of a sandbox: prepares a harness once, then forks one child for each `solve`.

A script of its own (standard library and msgspec), bound into the sandbox alone and run as

    python -s -P worker.py CONTROL_FD keep|drop [FOLDER_OF_PACKAGES ...]

Processes: the worker, which imports the harness and runs `prepare`; a *slot* forked from it for each job that may
run at once; a child forked from its slot for each job. Worker and slots only wait. Frames are a 4-byte length and
MessagePack; file descriptors ride on the length (SCM_RIGHTS). From `prepare` on, the harness's code shares this
process: nothing here is a protection against it, and the host believes nothing that it reads.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import importlib.util
import mmap
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

sys.path.extend(sys.argv[3:])  # before msgspec, which may lie there
import msgspec

NOBODY = 65534
MB = 1 << 20
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 4, 24, 38, 36
_CAPABILITY_VERSION_3 = 0x20080522
_OUT_OF = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EFBIG, errno.EMFILE}
_libc = ctypes.CDLL(None, use_errno=True)


class Instance(msgspec.Struct, frozen=True):
    """What `solve` is given, and `ctx.train()` lists: the engine's own `Instance`, spelt again."""

    id: str
    data: Any
    label: Any = None


class Limits(msgspec.Struct, frozen=True):
    cpu_s: int
    data_bytes: int
    disk_bytes: int
    processes: int
    answer_bytes: int


class Start(msgspec.Struct, frozen=True):
    """The first frame. A slot's scratch folder is `scratch/NUMBER`, that of `prepare` is `scratch/prepare`."""

    folder: str
    entry: str
    folders: dict[str, str]
    scratch: str
    params: dict[str, Any]
    train: list[Instance]
    seed: int
    prepare: Limits
    solve: Limits


class Work(msgspec.Struct, frozen=True):
    """A job, as its slot receives it."""

    instance: Instance
    seed: int


class Refused(Exception):
    """The engine refused a call to a model or a tool."""


class Channel:
    """One end of a stream of frames; safe for threads, one exchange at a time."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        self.send_bytes(_encode(message))

    def send_bytes(self, frame: bytes) -> None:
        self._socket.sendall(struct.pack("!I", len(frame)) + frame)

    def receive(self, kind: Any = Any) -> tuple[Any, list[int]]:
        """The next frame and the descriptors that came with it; raises EOFError."""
        head, fds, _, _ = socket.recv_fds(self._socket, 4, 4)
        head += self._exactly(4 - len(head)) if head else b""
        if not head:
            raise EOFError
        return msgspec.msgpack.decode(self._exactly(struct.unpack("!I", head)[0]), type=kind), fds

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(min(size - len(parts), MB))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def call(self, op: str, payload: Any) -> Any:
        with self._lock:
            self.send(["call", op, payload])
            (said, value), _ = self.receive()
        if said == "refused":
            raise Refused(value)
        return value

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class Model:
    """`ctx.model`: the task agent's model, reached through the engine."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def chat(self, messages: Sequence[Any], **options: Any) -> Any:
        """The model's reply to `messages`."""
        return self._channel.call("model.chat", {"messages": list(messages), **options})

    def score(self, prompt: str, continuations: Sequence[str]) -> Any:
        """The log-probability of each continuation of `prompt`."""
        return self._channel.call("model.score", {"prompt": prompt, "continuations": list(continuations)})


class Tools:
    """`ctx.tools`: the domain's budgeted tools."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def call(self, name: str, **arguments: Any) -> Any:
        """What the tool `name` returns."""
        return self._channel.call("tools.call", {"name": name, "arguments": arguments})


class Line:
    """`ctx.line`, where a grader works with this job: its orders, our replies, and memory that both see."""

    def __init__(self, end: int, memory: int) -> None:
        self._channel = Channel(socket.socket(fileno=end))
        self.memory = mmap.mmap(memory, 0)
        os.close(memory)
        self._channel.send("here")  # the grader learns our process id from the kernel

    def order(self) -> Any:
        """The next order; raises EOFError once the grader has gone."""
        return self._channel.receive()[0]

    def reply(self, value: Any) -> None:
        """Says that the order is done."""
        self._channel.send(value)


class Context:
    """`ctx`: all that a harness may use beside its own files."""

    def __init__(self, start: Start, channel: Channel, seed: int, prepared: Any, line: Line | None = None) -> None:
        self.params = dict(start.params)
        self.folders = dict(start.folders)
        self.prepared = prepared
        self.rng = random.Random(seed)
        self.model = Model(channel)
        self.tools = Tools(channel)
        self.line = line
        self._train = start.train

    def train(self) -> list[Instance]:
        """The instances of `train` with their labels."""
        return list(self._train)

    def log(self, *parts: Any) -> None:
        """Writes a line into the job's log."""
        print(*parts, flush=True)


def main() -> None:
    control = Channel(socket.socket(fileno=int(sys.argv[1])))
    os.set_inheritable(control.fileno(), False)
    if sys.argv[2] == "drop":
        _become_nobody()
    os.umask(0o022)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _guard()
    # While `prepare` runs nobody here would notice that the engine has gone. Later we do, and must live to sweep.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    control.send("ready")  # the host learns our process id from the kernel, and limits it before it answers
    start, (end, out) = control.receive(Start)
    prepared: list[Any] = []

    def prepare(ctx: Context) -> None:
        solve = _load(start, prepared, ctx)
        prepared.append(solve)

    scratch = Path(start.scratch, "prepare")
    _redirect(out)
    _enter(scratch, start.prepare, start.seed, last=False)
    channel = Channel(socket.socket(fileno=end))
    _report(channel, lambda: prepare(Context(start, channel, start.seed, None)), start.prepare, start.folder)
    _redirect(os.open(os.devnull, os.O_RDWR))
    channel.close()
    _libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    _sweep()
    os.chdir("/")
    _empty(scratch)
    _seed(start.seed)  # imports numpy.random, which children would each do again
    # Nothing that exists now is ever collected, so children do not touch (and copy) its pages.
    gc.freeze()
    while True:
        try:
            number, (end,) = control.receive(int)
        except EOFError:
            _sweep()
            os._exit(0)
        if os.fork() == 0:
            control.close()
            value, solve = prepared
            _slot(start, Channel(socket.socket(fileno=end)), Path(start.scratch, str(number)), solve, value)
        os.close(end)


def _load(start: Start, prepared: list[Any], ctx: Context) -> Callable[[Instance, Context], Any]:
    """Imports the entry and runs its `prepare`, whose value goes into `prepared`; returns its `solve`."""
    sys.path.insert(0, start.folder)
    path = Path(start.folder, start.entry)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{start.entry} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    solve: Callable[[Instance, Context], Any] = module.solve
    prepared.append(module.prepare(ctx) if hasattr(module, "prepare") else None)
    return solve


def _slot(start: Start, control: Channel, scratch: Path, solve: Callable[..., Any], value: Any) -> NoReturn:
    """Serves jobs one after the other: each in a child of its own, of which nothing is left when it is reported."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _guard()
    control.send("ready")
    while True:
        try:
            work, fds = control.receive(Work | None)
            if work is None:  # told to stop a job that had just ended by itself
                continue
            end, out, *line = fds
            _empty(scratch)
            _empty(scratch.with_name("prepare"))
            pid = os.fork()
            if pid == 0:
                control.close()
                channel = Channel(socket.socket(fileno=end))
                _solve(start, work, channel, out, line, scratch=scratch, solve=solve, value=value)
            for fd in fds:
                os.close(fd)
            _wait(pid, control)
            status, cpu_s = _sweep(pid)
            _empty(scratch)
            control.send([status, cpu_s])
        except (EOFError, OSError):  # the engine is gone
            _sweep()
            os._exit(0)


def _solve(
    start: Start,
    work: Work,
    channel: Channel,
    out: int,
    line: list[int],
    *,
    scratch: Path,
    solve: Callable[..., Any],
    value: Any,
) -> NoReturn:
    try:
        _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _redirect(out)
        _enter(scratch, start.solve, work.seed, last=True)
        ctx = Context(start, channel, work.seed, value, Line(*line) if line else None)
        _report(channel, lambda: solve(work.instance, ctx), start.solve, start.folder)
    finally:
        os._exit(0)


def _report(channel: Channel, run: Callable[[], Any], limits: Limits, folder: str) -> None:
    """Sends what `run` returns, or how it failed; the traceback goes to stderr and so into the log."""
    try:
        frame = _encode(["answer", run()])
        _check_size(frame, limits)
    except BaseException as error:  # whatever a harness raises is its failure, SystemExit too
        message = "".join(traceback.format_exception_only(error)).strip().splitlines()
        channel.send(["raised", _kind(error), message[-1][:4096].encode("utf-8", "replace").decode()])
        steps = error.__traceback__
        while steps and not steps.tb_frame.f_code.co_filename.startswith(folder):
            steps = steps.tb_next
        traceback.print_exception(type(error), error, steps)
    else:
        channel.send_bytes(frame)
    sys.stdout.flush()
    sys.stderr.flush()


def _check_size(frame: bytes, limits: Limits) -> None:
    if len(frame) > limits.answer_bytes:
        raise ValueError(f"the answer takes {len(frame)} bytes, more than the {limits.answer_bytes} allowed")


def _kind(error: BaseException) -> str:
    if isinstance(error, Refused):
        return "model"
    exhausted = (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno in _OUT_OF)
        or (isinstance(error, RuntimeError) and "can't start new thread" in str(error))
    )
    return "resource" if exhausted else "candidate"


def _encode(message: Any) -> bytes:
    return msgspec.msgpack.encode(message, enc_hook=_plain)


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays become Python's own."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an answer cannot hold a value of type {type(value).__name__}")


def _enter(scratch: Path, limits: Limits, seed: int, *, last: bool) -> None:
    """Makes `scratch` home, puts the limits on this process and its children, and seeds what is global.

    `last` closes the hard limits too; `prepare` leaves them open, for its children need limits of their own.
    """
    os.chdir(scratch)
    os.environ.update(HOME=str(scratch), TMPDIR=str(scratch))
    tempfile.tempdir = None
    _seed(seed)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(spent.ru_utime + spent.ru_stime) + limits.cpu_s
    soft = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_DATA: _data_bytes() + limits.data_bytes,
        resource.RLIMIT_FSIZE: limits.disk_bytes,
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_CORE: 0,
    }
    if limits.processes:
        soft[resource.RLIMIT_NPROC] = limits.processes
    for what, wanted in soft.items():
        hard = resource.getrlimit(what)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # Past the soft limit on CPU comes SIGXCPU, which a harness may ignore; past the hard one, the end.
        after = value + (what == resource.RLIMIT_CPU)
        resource.setrlimit(what, (value, after if last and (hard < 0 or after < hard) else hard))


def _seed(seed: int) -> None:
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % (1 << 32))


def _data_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) << 10
    return 0


def _redirect(out: int) -> None:
    """Standard input from nowhere, standard output and error into `out`, which is consumed."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(null)
    if out > 2:
        os.close(out)


def _become_nobody() -> None:
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    _libc.capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def _guard() -> None:
    """Orphans of ours come to us, and no process of the same user may look into us."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _wait(pid: int, control: Channel) -> None:
    """Returns when the child has ended, or must be ended because the host says so (or is gone)."""
    child = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(child, select.POLLIN)
        poll.register(control.fileno(), select.POLLIN)
        if child not in dict(poll.poll()):
            control.receive()
    finally:
        os.close(child)


def _sweep(pid: int = -1) -> tuple[int, float]:
    """Kills and reaps every descendant; returns the wait status of `pid` and the CPU seconds of them all."""
    status, cpu_s = 0, 0.0
    while True:
        # A process that is stopped forks no more: only then does killing outrun a fork bomb.
        seen: set[int] = set()
        while found := set(_descendants(os.getpid())) - seen:
            _signal(found, signal.SIGSTOP)
            seen |= found
        _signal(seen, signal.SIGKILL)
        try:
            # An orphan may become ours just after the listing: it is found in the next round.
            ended, code, usage = os.wait4(-1, 0 if seen else os.WNOHANG)
        except ChildProcessError:
            return status, cpu_s
        cpu_s += usage.ru_utime + usage.ru_stime
        if ended == pid:
            status = code


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _descendants(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from _descendants(child)


def _empty(folder: Path) -> None:
    """Leaves nothing in `folder`, whatever modes were set and however deep it goes: what is nested is moved up."""
    with contextlib.suppress(OSError):
        folder.chmod(0o700)  # where the folder is root's, nobody could change its mode
    moved = 0
    while entries := list(os.scandir(folder)):
        for entry in entries:
            path = Path(entry.path)
            with contextlib.suppress(FileNotFoundError):
                if not entry.is_dir(follow_symlinks=False):
                    path.unlink()
                    continue
                path.chmod(0o700)
                for inner in os.scandir(path):
                    moved += 1
                    Path(inner.path).rename(folder / f".emptied-{os.getpid()}-{moved}")
                path.rmdir()


if __name__ == "__main__":
    main()
