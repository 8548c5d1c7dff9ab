"""What a harness must not be believed: rubbish, forged frames, patched workers, exits and crashes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.sandbox import Isolation
from tests.attack.attacking import LIMITS, Attack, run

ENDINGS = {
    "exit": "sys.exit(0)",
    "_exit": "os._exit(0)",
    "abort": "os.abort()",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
    "segfault": "ctypes.string_at(0)",
    "recursion": "attack(instance, ctx)",
    "interrupt": "raise KeyboardInterrupt",
    "unserialisable": "return object()",
    "set of objects": "return [{object()}]",
    "surrogate": "return '\\ud800'",
    "time": "import datetime; return datetime.datetime.now(datetime.timezone.utc)",
    "huge": "return 'x' * (1 << 20)",
    "deep": "import functools; return functools.reduce(lambda inner, _: [inner], range(100_000), 0)",
    "cyclic": "held = []; held.append(held); return held",
    "long message": "raise ValueError('x' * 100_000 + chr(27) + '[31m')",
    "broken message": "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})",
    "closed channel": "os.closerange(0, 1024)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_rubbish_is_the_candidate_s_failure(attack: Attack, ending: str) -> None:
    source = f"import ctypes, os, signal, sys\ndef attack(instance, ctx):\n    {ENDINGS[ending]}\n"
    failure = attack(source)["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"
    assert failure.message.isprintable()
    assert 0 < len(failure.message) <= 300


NOT_PLAIN = {
    "{1: 2}": "a map with a key of type int",
    "[{'a': {(1, 2): 3}}]": "a map with a key of type tuple",
    "{b'a': 1}": "a map with a key of type bytes",
    "float('nan')": "the number nan",
    "{'a': [float('-inf')]}": "the number -inf",
    "[0] * 1_100_000": "more values than sia takes",
    "functools.reduce(lambda inner, _: [inner], range(200), 0)": "more than 128 levels",
}


@pytest.mark.parametrize("answer", NOT_PLAIN)
def test_an_answer_that_the_log_could_not_hold_is_the_candidate_s_failure(attack: Attack, answer: str) -> None:
    source = f"import functools\ndef attack(instance, ctx):\n    return {answer}\n"
    failure = attack(source, limits=replace(LIMITS, answer_kb=2048))["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"
    assert failure.message.startswith(f"its answer holds {NOT_PLAIN[answer]}")


FRAMES = {
    "noise": "os.urandom(64)",
    "endless": "b'\\xff' * 64",
    "huge length": "struct.pack('!I', 1 << 31)",
    "broken off": "struct.pack('!I', 100) + b'x'",
    "not MessagePack": r"frame(b'\xc1')",
    "claims four billion items": r"frame(b'\xdd\xff\xff\xff\xff')",
    "deep": r"frame(b'\x91' * 100_000)",
    "another kind": r"frame(b'\x92\xa4none')",
    "an extension": r"frame(b'\x92\xa6answer\xd4\x05a')",
    "infrastructure": r"frame(b'\x93\xa6raised\xaeinfrastructure\xa1x')",
}


@pytest.mark.parametrize("frame", FRAMES)
def test_forged_frames_are_the_candidate_s_failure(attack: Attack, frame: str) -> None:
    source = f"""
import os, socket, stat, struct
def frame(body):
    return struct.pack('!I', len(body)) + body
def attack(instance, ctx):
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, {FRAMES[frame]})
        except OSError:
            pass
    os._exit(0)
"""
    failure = attack(source)["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"


def test_a_forged_refusal_is_not_the_model_s_failure(attack: Attack) -> None:
    forge = """
    import sys
    def attack(instance, ctx):
        raise sys.modules["_sia_inside.wire"].Refused("I say so")
    """
    failure = attack(forge)["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"


def test_an_answer_that_a_daemon_sends_later_reaches_nobody(attack: Attack) -> None:
    late = """
    import os, time
    def attack(instance, ctx):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    for fd in range(3, 64):
                        try:
                            os.write(fd, b"\\0\\0\\0\\x0d\\x92\\xa6answer\\xa4late")
                        except OSError:
                            pass
                    time.sleep(0.001)
            os._exit(0)
        time.sleep(0.05)
        return "mine"
    """
    assert attack(late)["1"].answer in ("mine", "late")


def test_killing_every_process_in_sight(attack: Attack) -> None:
    kill = """
    import os, signal
    def attack(instance, ctx):
        for pid in (os.getppid(), 1, -1):
            os.kill(pid, signal.SIGKILL)
        while True: pass
    """
    failure = attack(kill)["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"


def test_killing_the_slot(attack: Attack) -> None:
    kill = "import os\ndef attack(instance, ctx):\n    os.kill(os.getppid(), 9)\n    while True: pass"
    failure = attack(kill)["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"


def test_stopping_the_slot_is_not_waited_for(attack: Attack) -> None:
    stop = "import os, signal\ndef attack(instance, ctx):\n    os.kill(os.getppid(), signal.SIGSTOP)\n    os._exit(0)"
    failure = attack(stop)["1"].failure
    assert failure is not None
    assert failure.kind == "candidate"


def test_reading_the_memory_of_the_slot(attack: Attack) -> None:
    peek = """
    import ctypes, os
    def attack(instance, ctx):
        libc = ctypes.CDLL(None, use_errno=True)
        results = [libc.ptrace(16, os.getppid(), 0, 0), libc.ptrace(16, 1, 0, 0)]
        for file in ("mem", "fd", "environ"):
            try:
                os.open(f"/proc/{os.getppid()}/{file}", os.O_RDONLY)
                results.append(0)
            except PermissionError:
                results.append(-1)
        return results
    """
    assert attack(peek)["1"].answer == [-1] * 5


def test_system_calls_that_are_denied(attack: Attack) -> None:
    calls = """
    import ctypes, socket
    def attack(instance, ctx):
        libc = ctypes.CDLL(None, use_errno=True)
        def errno(call, *args):
            return ctypes.get_errno() if getattr(libc, call)(*args) < 0 else 0
        families = []
        for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 38, 40):
            try:
                socket.socket(family, socket.SOCK_DGRAM).close()
                families.append(family)
            except OSError:
                pass
        return {
            "unshare": errno("unshare", 0x10000000), "mount": errno("mount", b"x", b"/tmp", b"tmpfs", 0, None),
            "shmget": errno("shmget", 0, 4096, 0o1600), "personality": errno("personality", 0x0040000),
            "ioctl": errno("ioctl", 0, 0x5412, b"x"), "families": families,
        }
    """
    answer = attack(calls)["1"].answer
    assert answer == {"unshare": 1, "mount": 1, "shmget": 1, "personality": 1, "ioctl": 1, "families": []}


def test_a_patched_worker_ends_nothing_but_itself(isolation: Isolation) -> None:
    patch = """
    import os, sys
    def prepare(ctx):
        worker = sys.modules["_sia_inside.main"]
        assert callable(worker.sweep)
        worker.enter = worker.sweep = worker.empty = lambda *args, **options: (0, 0.0)
        worker._report = lambda *args: None
        os.wait4 = lambda *args: (0, 0, None)
    def solve(instance, ctx):
        while True: pass
    """
    outcomes = run(patch, ["a", "b"], isolation, limits=LIMITS.__class__(cpu_s=0.5, wall_s=2))
    for outcome in outcomes.values():
        assert outcome.failure is not None
        assert outcome.failure.kind in ("candidate", "timeout")


@pytest.mark.parametrize(
    "left",
    [
        "os.wait4 = lambda *args: (0, 0, None)",
        "os.fork = lambda: os._exit(0)",
        "os.fork = lambda: -1",
        "os.fork = lambda: time.sleep(1e6)",
    ],
)
def test_what_prepare_leaves_behind_is_the_candidate_s_failure(isolation: Isolation, left: str) -> None:
    source = f"import os, time\ndef prepare(ctx):\n    {left}\ndef solve(instance, ctx):\n    return 1\n"
    for outcome in run(source, ["a", "b"], isolation, limits=LIMITS).values():
        assert outcome.failure is not None
        assert outcome.failure.kind == "candidate"


@pytest.mark.parametrize(
    "prepare",
    [
        "os._exit(0)",
        "os.kill(os.getppid(), 9)",
        "os.kill(os.getpid(), 9)",
        "while True: pass",
        "time.sleep(1e6)",
        "1 / 0",
    ],
)
def test_a_prepare_that_fails_fails_every_job(isolation: Isolation, prepare: str) -> None:
    source = f"import os, time\ndef prepare(ctx):\n    {prepare}\ndef solve(instance, ctx):\n    return 1\n"
    limits = LIMITS.__class__(prepare_cpu_s=0.5, prepare_wall_s=1)
    outcomes = run(source, ["a", "b"], isolation, limits=limits)
    kinds = {outcome.failure.kind for outcome in outcomes.values() if outcome.failure}
    assert kinds in ({"candidate"}, {"timeout"}) if prepare != "os.kill(os.getppid(), 9)" else True
    assert len(outcomes) == 2
