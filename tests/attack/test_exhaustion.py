"""What a harness must not use up: processes, memory, disk, output, time."""

from __future__ import annotations

import msgspec

from engine.sandbox import Isolation
from tests.attack.attacking import LIMITS, Attack, run


def test_fork_bomb(attack: Attack, contained: Isolation) -> None:
    bomb = """
    import os, time
    def attack(instance, ctx):
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
    """
    limits = msgspec.structs.replace(LIMITS, wall_s=4)  # its neighbours must come through meanwhile
    failure = attack(bomb, isolation=contained, limits=limits)["1"].failure
    assert failure is not None
    assert failure.kind in ("resource", "timeout")


def test_the_processes_of_two_sandboxes_are_counted_apart(isolation: Isolation) -> None:
    """RLIMIT_NPROC counts by uid (in a user namespace: of that namespace), so a bomb in one could stop the other."""
    whose = "import os\ndef solve(instance, ctx):\n    return [os.getuid(), os.readlink('/proc/self/ns/user')]\n"
    first, second = (run(whose, [None], isolation)["0"].answer for _ in range(2))
    assert first != second


def test_refused_forks_are_a_resource_failure(attack: Attack, contained: Isolation) -> None:
    many = """
    import subprocess, sys
    def attack(instance, ctx):
        children = [subprocess.Popen(["sleep", "60"]) for _ in range(200)]
        for child in children:
            child.wait()
    """
    failure = attack(many, isolation=contained)["1"].failure
    assert failure is not None
    assert failure.kind == "resource"


def test_a_few_processes_too_many_are_too_many(contained: Isolation) -> None:
    """The limit by uid is wider: only the control group, or who looks, knows of them."""
    source = """
    import subprocess
    def solve(instance, ctx):
        children = [subprocess.Popen(["sleep", "0.5"]) for _ in range(instance.data)]
        return [child.wait() for child in children]
    """
    outcomes = run(source, [LIMITS.processes - 2, LIMITS.processes + 2], contained)
    few, many = outcomes["0"], outcomes["1"]
    assert few.failure is None, few
    assert many.failure is not None
    assert many.failure.message == f"started more than {LIMITS.processes} processes"


def test_memory_bomb_in_one_process(attack: Attack, contained: Isolation) -> None:
    bomb = """
    def attack(instance, ctx):
        held = []
        while True:
            held.append(bytearray(8 << 20))
    """
    failure = attack(bomb, isolation=contained)["1"].failure
    assert failure is not None
    assert failure.kind == "resource"


def test_memory_bomb_over_several_processes(attack: Attack, contained: Isolation) -> None:
    bomb = """
    import os, time
    def attack(instance, ctx):
        for _ in range(8):
            if os.fork() == 0:
                held = bytearray(b"x") * (96 << 20)
                time.sleep(60)
        time.sleep(60)
    """
    outcome = attack(bomb, isolation=contained)["1"]
    assert outcome.failure is not None
    # Where the kernel kills only a child, the parent sleeps on until its wall time is up.
    assert outcome.failure.kind in ("resource", "timeout")


def test_raised_memory_error(attack: Attack) -> None:
    failure = attack("def attack(instance, ctx):\n    raise MemoryError")["1"].failure
    assert failure is not None
    assert failure.kind == "resource"


def test_one_big_file(attack: Attack) -> None:
    fill = """
    def attack(instance, ctx):
        with open("big", "wb") as file:
            while True:
                file.write(bytes(1 << 16))
    """
    failure = attack(fill)["1"].failure
    assert failure is not None
    assert failure.kind == "resource"


def test_many_files(attack: Attack) -> None:
    fill = """
    def attack(instance, ctx):
        for number in range(10_000):
            with open(str(number), "wb") as file:
                file.write(bytes(4096))
    """
    failure = attack(fill)["1"].failure
    assert failure is not None
    assert failure.kind == "resource"


def test_many_empty_files(attack: Attack) -> None:
    fill = """
    import os
    def attack(instance, ctx):
        number = 0
        while True:
            os.close(os.open(str(number), os.O_CREAT))
            number += 1
    """
    failure = attack(fill)["1"].failure
    assert failure is not None
    assert failure.kind in ("resource", "timeout")


def test_a_disk_filled_by_one_solve_is_empty_for_the_next(attack: Attack) -> None:
    fill = """
    import os
    def attack(instance, ctx):
        for folder in ("a", "b"):
            os.mkdir(folder)
            os.chmod(folder, 0)
        os.symlink("/usr", "link")
        os.mkfifo("fifo")
        with open("big", "wb") as file:
            file.write(bytes(3 << 20))
    def prepare(ctx):
        global solve
        def solve(instance, ctx):
            before = os.listdir(".")
            attack(instance, ctx)
            return "fine" if not before else before
    """
    attack(fill, workers=1)


def test_printing_without_end(attack: Attack) -> None:
    outcome = attack("def attack(instance, ctx):\n    while True:\n        print('x' * 1000)")["1"]
    assert outcome.failure is not None
    assert outcome.failure.kind in ("resource", "timeout")
    assert len(outcome.log) < (LIMITS.output_kb << 10) + 200
    assert "more bytes of output left out" in outcome.log


def test_sleeping_for_ever(attack: Attack) -> None:
    limits = LIMITS.__class__(wall_s=0.5, cpu_s=2)
    failure = attack("import time\ndef attack(instance, ctx):\n    time.sleep(1e6)", limits=limits)["1"].failure
    assert failure is not None
    assert (failure.kind, "wall" in failure.message) == ("timeout", True)


def test_spinning(attack: Attack) -> None:
    limits = LIMITS.__class__(cpu_s=0.5)
    outcome = attack("def attack(instance, ctx):\n    while True: pass", limits=limits)["1"]
    assert outcome.failure is not None
    assert (outcome.failure.kind, "CPU" in outcome.failure.message) == ("timeout", True)
    assert outcome.cpu_s >= 0.4


def test_spinning_in_many_processes_with_signals_ignored(attack: Attack) -> None:
    spin = """
    import os, signal
    def attack(instance, ctx):
        for number in set(range(1, 65)) - {9, 19, 32, 33}:
            signal.signal(number, signal.SIG_IGN)
        os.setsid()
        for _ in range(3):
            os.fork()
        while True: pass
    """
    failure = attack(spin, limits=LIMITS.__class__(cpu_s=0.5))["1"].failure
    assert failure is not None
    assert (failure.kind, "CPU" in failure.message) == ("timeout", True)
