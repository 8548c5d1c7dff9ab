"""Weakenings of the sandbox: its filter, its namespaces and mounts, its limits, and what it inherits."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

_SECCOMP, _SYSCALLS = (f"engine/sandbox/confinement/{name}.py" for name in ("seccomp", "syscalls"))
_PROFILE, _PROCESS = "engine/sandbox/confinement/profile.py", "engine/sandbox/sandbox_process.py"
_CGROUP, _MAIN, _FIRST = "engine/sandbox/cgroup.py", "engine/sandbox/inside/main.py", "engine/sandbox/inside/first.py"
_TEST_SECCOMP = "tests/unit/sandbox/test_sandbox_seccomp.py::"
_TEST_SIGHT, _TEST_LIES = "tests/attack/test_sight.py::", "tests/attack/test_lies.py::"
_TEST_EXHAUSTION, _TEST_TRACES = "tests/attack/test_exhaustion.py::", "tests/attack/test_traces.py::"
_TEST_STANDING, _TEST_VIEW = "tests/attack/test_standing.py::", "tests/unit/sandbox/test_sandbox_view.py::"
_TEST_PROBE = "tests/unit/sandbox/test_sandbox_probe.py::"
_TEST_FIRST = "tests/attack/test_first_process.py::"

MUTANTS = [
    Mutant(
        "no-filter-at-all",
        "Without it a harness reaches kernel code in which escapes have been found.",
        (
            Edit(
                _PROCESS,
                "filter_fd = hold(seccomp.program(machine, loopback=program.gateway)) if machine else None",
                "filter_fd = None",
            ),
        ),
        (f"{_TEST_LIES}test_system_calls_that_are_denied",),
    ),
    Mutant(
        "every-family-of-sockets",
        "Families such as AF_PACKET, AF_ALG and AF_VSOCK reach code of the kernel that has had many holes.",
        (Edit(_SECCOMP, "[_op(_JEQ, _AF_UNIX, 1, 0), family, allow]", "[allow]"),),
        (f"{_TEST_SECCOMP}test_the_filter[x86_64]", f"{_TEST_SECCOMP}test_the_filter[aarch64]"),
    ),
    Mutant(
        "clone-makes-namespaces",
        "In a user namespace of its own a harness has every capability again.",
        (Edit(_SECCOMP, "forbidden = _NAMESPACES | _CLONE_PARENT", "forbidden = _CLONE_PARENT"),),
        (f"{_TEST_SECCOMP}test_the_filter[x86_64]",),
    ),
    Mutant(
        "clone-makes-siblings",
        "A sibling of its parent escapes the sweep of the descendants, and whoever counts their CPU time.",
        (Edit(_SECCOMP, "forbidden = _NAMESPACES | _CLONE_PARENT", "forbidden = _NAMESPACES"),),
        (f"{_TEST_SECCOMP}test_a_child_cannot_be_made_the_sibling_of_its_parent[x86_64]",),
    ),
    Mutant(
        "another-calling-convention-passes",
        "By the 32-bit convention the same calls have other numbers, which the list does not know.",
        (Edit(_SECCOMP, "yield _op(_JEQ, _ARCH[name], 1, 0)", "yield _op(_JEQ, _ARCH[name], 1, 1)"),),
        (f"{_TEST_SECCOMP}test_the_filter[x86_64]",),
    ),
    Mutant(
        "one-call-more-is-allowed",
        "ptrace reads and writes the memory of other processes.",
        (Edit(_SYSCALLS, "kill 62 129  tkill", "kill 62 129  ptrace 101 117  tkill"),),
        (f"{_TEST_SECCOMP}test_the_filter[x86_64]",),
    ),
    Mutant(
        "keystrokes-into-the-terminal",
        "TIOCSTI types into the terminal of whoever started the engine.",
        (Edit(_SECCOMP, "_op(_JEQ, _TIOCSTI, 1, 0), _op(_JEQ, _TIOCLINUX, 0, 1)", "_op(_JEQ, _TIOCLINUX, 0, 1)"),),
        (f"{_TEST_SECCOMP}test_the_filter[x86_64]",),
    ),
    Mutant(
        "the-network-of-the-host",
        "Abstract Unix sockets of the host, which the filter does not tell from ours, are in its network namespace.",
        (Edit(_PROFILE, '        "--unshare-net",\n', ""),),
        (f"{_TEST_PROBE}test_where_bubblewrap_makes_namespaces_a_sandbox_is_found",),
    ),
    Mutant(
        "the-processes-of-the-host",
        "The host's /proc shows every process of the machine, with its command line, to be read.",
        (Edit(_PROFILE, '"--proc", "/proc"', '"--ro-bind", "/proc", "/proc"'),),
        (f"{_TEST_PROBE}test_where_bubblewrap_makes_namespaces_a_sandbox_is_found",),
    ),
    Mutant(
        "the-environment-of-the-engine",
        "The engine's environment holds keys.",
        (
            Edit(_PROFILE, '"sandbox", "--clearenv"]', '"sandbox"]'),
            Edit(
                _PROCESS,
                "return _spawn(command, {}, passed, errors)",
                "return _spawn(command, os.environ, passed, errors)",
            ),
        ),
        (f"{_TEST_SIGHT}test_keys_in_the_environment_are_absent",),
    ),
    Mutant(
        "one-uid-for-all-sandboxes",
        "The kernel counts processes by uid: a fork bomb in one sandbox would stop all others.",
        (Edit(_PROCESS, 'uid = _own_uid() if isolation.mode == "real" else profile.NOBODY', "uid = profile.NOBODY"),),
        (f"{_TEST_EXHAUSTION}test_the_processes_of_two_sandboxes_are_counted_apart",),
        of_root=True,
    ),
    Mutant(
        "no-limit-on-processes",
        "Without pids.max only a coarse limit by uid stands against a fork bomb.",
        (Edit(_CGROUP, '(group.pids / "pids.max").write_text(str(processes))', "pass"),),
        (f"{_TEST_EXHAUSTION}test_a_few_processes_too_many_are_too_many[best]",),
    ),
    Mutant(
        "no-limit-on-memory",
        "Memory files belong to no process: only a control group limits them as they grow.",
        (
            Edit(_CGROUP, '(group.memory / "memory.max").write_text(str(memory_mb * MB))', "pass"),
            Edit(_CGROUP, '(group.memory / "memory.limit_in_bytes").write_text(str(memory_mb * MB))', "pass"),
        ),
        ("tests/attack/test_counting.py::test_memory_that_no_process_seems_to_hold_is_limited[best-memory files]",),
    ),
    Mutant(
        "the-scratch-folder-is-not-emptied",
        "What a solve leaves in its folder would be a message to the next.",
        (
            Edit(_MAIN, '            empty(scratch)\n            empty(scratch.with_name("prepare"))\n', ""),
            Edit(
                _MAIN,
                "            status, cpu_s = sweep(pid)\n            empty(scratch)\n",
                "            status, cpu_s = sweep(pid)\n",
            ),
        ),
        (f"{_TEST_TRACES}test_no_state_reaches_the_next_instance",),
    ),
    Mutant(
        "a-solve-outlives-its-answer",
        "A process that is left behind sees the next instance, uses up its time, and can answer for it.",
        (
            Edit(
                _MAIN,
                "            status, cpu_s = sweep(pid)\n",
                "            status, cpu_s = os.waitpid(pid, 0)[1], 0.0\n",
            ),
            Edit(
                "engine/sandbox/sandbox.py",
                "if self.cause is None and self.population.left_behind():",
                "if self.cause is None and self.population is None:",
            ),
        ),
        (f"{_TEST_TRACES}test_a_daemon_dies_with_its_solve",),
    ),
    Mutant(
        "the-first-process-is-open-to-the-harness",
        "Whoever writes to the memory of the first process makes the sandbox outlive the engine.",
        (Edit(_FIRST, "        return\n    guard()\n", "        return\n"),),
        (f"{_TEST_FIRST}test_the_first_process_shows_nothing_and_no_signal_from_inside_ends_it[one user]",),
    ),
    Mutant(
        "the-first-process-does-not-watch-the-engine",
        "Of the two ways in which a sandbox ends with its engine, one does not depend on the kernel's signal.",
        (Edit(_FIRST, "        if control in ready:\n            os._exit(0)\n", ""),),
        (f"{_TEST_FIRST}test_each_of_two_ways_ends_everything_by_itself[best-control socket]",),
    ),
    Mutant(
        "the-first-process-outlives-bubblewrap",
        "The other way: by the kernel, when bubblewrap ends, should the engine's socket be held open by another.",
        (Edit(_FIRST, "        die_with_parent()\n", ""), Edit(_PROFILE, '        "--die-with-parent",\n', "")),
        (f"{_TEST_FIRST}test_each_of_two_ways_ends_everything_by_itself[best-outer process]",),
    ),
    Mutant(
        "the-worker-s-code-is-writable",
        "An ordinary user's harness has that user's rights: it would rewrite the engine on the disk.",
        (Edit(_PROFILE, '["--ro-bind", str(WORKER), INSIDE_WORKER]', '["--bind", str(WORKER), INSIDE_WORKER]'),),
        (f"{_TEST_STANDING}test_every_mount_but_its_scratch_is_read_only",),
    ),
    Mutant(
        "the-root-is-writable",
        "What one solve writes there, the next one reads.",
        (Edit(_PROFILE, '"--remount-ro", "/", "--chdir"', '"--chdir"'),),
        (f"{_TEST_STANDING}test_every_mount_but_its_scratch_is_read_only",),
    ),
    Mutant(
        "the-shared-memory-of-the-host",
        "With its IPC namespace a harness has the shared memory of every program of its user.",
        (Edit(_PROFILE, '        "--unshare-ipc",\n', ""),),
        (f"{_TEST_PROBE}test_where_bubblewrap_makes_namespaces_a_sandbox_is_found",),
    ),
    Mutant(
        "a-solve-holds-its-slot-s-socket",
        "With it a solve reports its own end, and those of the solves after it.",
        (Edit(_MAIN, "                control.close()\n                channel", "                channel"),),
        (f"{_TEST_STANDING}test_it_has_its_streams_and_its_channel_and_no_other_descriptor",),
    ),
    Mutant(
        "descriptors-of-the-engine-are-inherited",
        "An open descriptor goes past every mount: that of the log, or of a neighbour's channel.",
        (
            Edit(
                _PROCESS,
                "pass_fds=passed,",
                "pass_fds=[fd for fd in range(3, 256) if Path(f'/proc/self/fd/{fd}').exists()],",
            ),
        ),
        (f"{_TEST_STANDING}test_it_has_its_streams_and_its_channel_and_no_other_descriptor",),
    ),
    Mutant(
        "capabilities-can-come-back",
        "What is left in the bounding set comes back with the next program that root has marked.",
        (
            Edit(
                "engine/sandbox/inside/limits.py",
                "    for capability in range(64):\n        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)\n",
                "",
            ),
        ),
        (f"{_TEST_PROBE}test_where_bubblewrap_makes_namespaces_a_sandbox_is_found",),
        of_root=True,
    ),
    Mutant(
        "private-folders-are-shown",
        "A project, a home or a cache inside a visible folder would be read with its labels and keys.",
        (
            Edit(
                "engine/sandbox/confinement/view.py",
                "hidden = {real for path in (*private, *_strays()) if _exists(real := path.resolve())}",
                "hidden = set[Path]()",
            ),
        ),
        (f"{_TEST_VIEW}test_a_private_folder_is_masked_inside_a_visible_one_and_what_is_needed_in_it_is_bound_again",),
    ),
    Mutant(
        "a-changed-slot-is-kept",
        "A solve that slows its slot down, or lowers its limits, would do so to every solve after it.",
        (Edit("engine/sandbox/sandbox.py", "if not report.intact:", "if report.intact is None:"),),
        (
            "tests/attack/test_neighbours.py::"
            "test_a_change_to_the_process_of_a_slot_does_not_reach_the_next_solve[nice]",
        ),
    ),
    Mutant(
        "processes-are-not-looked-at",
        "Where no control group can be made, looking is all that limits the processes of a sandbox.",
        (
            Edit(
                "engine/sandbox/watch.py",
                "if len(self.population.others()) > self.limits.processes:",
                "if self.pid < 0:",
            ),
        ),
        (f"{_TEST_EXHAUSTION}test_a_few_processes_too_many_are_too_many[looking]",),
    ),
]
