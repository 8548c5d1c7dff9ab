"""CPU time and memory that a harness tries to hide from whoever counts them."""

from __future__ import annotations

import msgspec
import pytest

from engine.sandbox import Isolation
from tests.attack.attacking import LIMITS, run

SPINS = """
import ctypes, mmap, os, signal, socket, threading, time
libc = ctypes.CDLL(None, use_errno=True)
kept = []
def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
def ended(pid):
    while open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.05)
def waited(pid):
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.05)
"""
HIDDEN = {
    "by ignoring the end of children": """
def solve(instance, ctx):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            spin(1)
            os._exit(0)
        waited(pid)
    return "done"
""",
    "by a child of the slot": """
def solve(instance, ctx):
    CLONE_PARENT, SYS_clone = 0x8000, {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    for _ in range(2):
        pid = libc.syscall(SYS_clone, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
        if pid < 0:
            spin(2)
            return "refused"
        if pid == 0:
            spin(1)
            os._exit(0)
        ended(pid)
    return "done"
""",
    "by a thread that prepare left": """
def prepare(ctx):
    theirs, ours = socket.socketpair()
    def serve():
        while ours.recv(1):
            if (pid := os.fork()) == 0:
                spin(2)
                os._exit(0)
            os.waitpid(pid, 0)
            ours.send(b"x")
    threading.Thread(target=serve, daemon=True).start()
    return theirs
def solve(instance, ctx):
    ctx.prepared.send(b"x")
    ctx.prepared.recv(1)
    return "done"
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", HIDDEN)
def test_cpu_time_of_every_process_counts(contained: Isolation, way: str) -> None:
    limits = msgspec.structs.replace(LIMITS, cpu_s=10, wall_s=40)
    (outcome,) = run(SPINS + HIDDEN[way], ["attack"], contained, limits=limits, workers=1).values()
    assert outcome.failure is None, outcome
    assert outcome.cpu_s >= 1.7


@pytest.mark.parametrize("way", HIDDEN)
def test_cpu_time_that_is_hidden_is_limited(contained: Isolation, way: str) -> None:
    limits = msgspec.structs.replace(LIMITS, cpu_s=0.6, wall_s=40)
    (outcome,) = run(SPINS + HIDDEN[way], ["attack"], contained, limits=limits, workers=1).values()
    assert outcome.failure is not None, outcome
    assert (outcome.failure.kind, "CPU" in outcome.failure.message) == ("timeout", True)


MEMORY = {
    "memory files": """
    for number in range(120):
        os.write(os.memfd_create("held"), bytes(4 << 20))
        time.sleep(0.005)
    """,
    "shared pages let go of": """
    held = mmap.mmap(-1, 480 << 20)
    for low in range(0, 480 << 20, 8 << 20):
        held[low : low + (8 << 20)] = bytes(8 << 20)
        held.madvise(mmap.MADV_DONTNEED, low, 8 << 20)
        time.sleep(0.01)
    """,
    "descriptors that only other threads have": """
    flags = 0x100 | 0x800 | 0x10000  # CLONE_VM, CLONE_SIGHAND, CLONE_THREAD: a copy of the descriptors, not the same
    for number in range(10):
        held = [os.memfd_create("held") for _ in range(8)]
        for memory in held:
            os.write(memory, bytes(4 << 20))
        kept.append(mmap.mmap(-1, 1 << 14))
        stack = ctypes.addressof(ctypes.c_char.from_buffer(kept[-1]))
        libc.clone(libc.pause, ctypes.c_void_p(stack + (1 << 14)), flags, None)
        for memory in held:
            os.close(memory)
    """,
    "a process whose first thread has ended": """
    if os.fork() == 0:
        def hold():
            time.sleep(0.3)
            for number in range(120):
                kept.append(mmap.mmap(-1, 4 << 20))
                kept[-1].write(bytes(4 << 20))
                os.write(os.memfd_create("held"), bytes(4 << 20))
                time.sleep(0.005)
            time.sleep(9)
        threading.Thread(target=hold).start()
        time.sleep(0.1)
        libc.pthread_exit(None)
    """,
}


@pytest.mark.parametrize("kind", MEMORY)
def test_memory_that_no_process_seems_to_hold_is_limited(contained: Isolation, kind: str) -> None:
    source = f"{SPINS}\ndef solve(instance, ctx):{MEMORY[kind]}\n    time.sleep(2)\n    return 'held'\n"
    (outcome,) = run(source, ["attack"], contained, workers=1).values()
    assert outcome.answer is None
    assert outcome.failure is not None
    assert outcome.failure.kind in ("resource", "candidate")
