"""The first process of a sandbox: when it ends, the kernel ends every process in the sandbox.

bubblewrap's own first process runs as the harness's user, so a harness may write to its memory and clear the signal
that it gets when the engine ends. Ours cannot be written to or traced, and no signal from inside ends it. It ends in
two ways that do not depend on each other: by the kernel, when bubblewrap's outer process ends, which ends with the
engine; and by itself, when the engine's end of the control socket is closed.
"""

from __future__ import annotations

import os
import select
import signal

from .limits import die_with_parent, give_up_capabilities, guard

_REAP_MS = 500


def stay(control: int) -> None:
    """In the first process of a pid namespace: forks, and returns in the child only. Elsewhere it does nothing.

    Started by root, it stays root but drops every capability: after a change of user, bubblewrap's outer process could
    no longer signal it, nor could the kernel on its behalf.
    """
    if os.getpid() != 1:
        return
    guard()
    worker = os.fork()
    if worker == 0:
        return
    try:
        die_with_parent()
        give_up_capabilities()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored by the first process, as Python's handler is not
        _watch(worker, control)
    finally:
        os._exit(1)


def _watch(worker: int, control: int) -> None:
    """Reaps; ends this process with the status of the worker, or when the other end of `control` is closed."""
    poll = select.poll()
    poll.register(control, 0)  # never data, only the end of the stream
    poll.register(os.pidfd_open(worker), select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(_REAP_MS)}
        if control in ready:
            os._exit(0)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == worker:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
            if pid == 0:
                break
