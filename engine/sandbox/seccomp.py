"""The system calls that a harness may not make, assembled into a seccomp filter.

The filter returns an errno and never kills, so that a library that tries such a call can continue without it. It is a
second line of defence: the namespaces hold without it. It blocks kernel code in which escapes are found (namespaces,
mounts, bpf, io_uring, keyrings), the memory of other processes, and state that outlives a process (System V IPC).
Layout of the program: `struct seccomp_data` in linux/seccomp.h and Documentation/networking/filter.rst.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

Machine = Literal["x86_64", "aarch64"]

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
_ARCH: dict[Machine, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

_NR, _ARCH_OFFSET, _ARGS = 0, 4, 16
_LOAD, _JEQ, _JSET, _JGE, _RET = 0x20, 0x15, 0x45, 0x35, 0x06

# CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}
_NAMESPACES = 0x00000080 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_AF_UNIX = 1
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


class _Call(NamedTuple):
    """The numbers of one system call; None if the architecture lacks it."""

    x86_64: int | None
    aarch64: int | None


_DENIED: dict[str, _Call] = {
    # other processes
    "ptrace": _Call(101, 117),
    "process_vm_readv": _Call(310, 270),
    "process_vm_writev": _Call(311, 271),
    "process_madvise": _Call(440, 440),
    "process_mrelease": _Call(448, 448),
    "kcmp": _Call(312, 272),
    "pidfd_getfd": _Call(438, 438),
    # mounts and namespaces
    "mount": _Call(165, 40),
    "umount2": _Call(166, 39),
    "pivot_root": _Call(155, 41),
    "chroot": _Call(161, 51),
    "open_tree": _Call(428, 428),
    "move_mount": _Call(429, 429),
    "fsopen": _Call(430, 430),
    "fsconfig": _Call(431, 431),
    "fsmount": _Call(432, 432),
    "fspick": _Call(433, 433),
    "mount_setattr": _Call(442, 442),
    "unshare": _Call(272, 97),
    "setns": _Call(308, 268),
    "name_to_handle_at": _Call(303, 264),
    "open_by_handle_at": _Call(304, 265),
    # kernel programs, tracing, asynchronous rings, page-fault handling
    "bpf": _Call(321, 280),
    "perf_event_open": _Call(298, 241),
    "io_uring_setup": _Call(425, 425),
    "io_uring_enter": _Call(426, 426),
    "io_uring_register": _Call(427, 427),
    "userfaultfd": _Call(323, 282),
    "memfd_secret": _Call(447, 447),
    "fanotify_init": _Call(300, 262),
    "lookup_dcookie": _Call(212, 18),
    # keyrings
    "add_key": _Call(248, 217),
    "request_key": _Call(249, 218),
    "keyctl": _Call(250, 219),
    # state that outlives the process that made it
    "shmget": _Call(29, 194),
    "shmctl": _Call(31, 195),
    "shmat": _Call(30, 196),
    "shmdt": _Call(67, 197),
    "semget": _Call(64, 190),
    "semctl": _Call(66, 191),
    "semop": _Call(65, 193),
    "semtimedop": _Call(220, 192),
    "msgget": _Call(68, 186),
    "msgctl": _Call(71, 187),
    "msgrcv": _Call(70, 188),
    "msgsnd": _Call(69, 189),
    "mq_open": _Call(240, 180),
    "mq_unlink": _Call(241, 181),
    # the machine itself
    "kexec_load": _Call(246, 104),
    "kexec_file_load": _Call(320, 294),
    "init_module": _Call(175, 105),
    "finit_module": _Call(313, 273),
    "delete_module": _Call(176, 106),
    "reboot": _Call(169, 142),
    "swapon": _Call(167, 224),
    "swapoff": _Call(168, 225),
    "acct": _Call(163, 89),
    "quotactl": _Call(179, 60),
    "quotactl_fd": _Call(443, 443),
    "syslog": _Call(103, 116),
    "settimeofday": _Call(164, 170),
    "clock_settime": _Call(227, 112),
    "clock_adjtime": _Call(305, 266),
    "adjtimex": _Call(159, 171),
    "sethostname": _Call(170, 161),
    "setdomainname": _Call(171, 162),
    "vhangup": _Call(153, 58),
    "nfsservctl": _Call(180, 42),
    "iopl": _Call(172, None),
    "ioperm": _Call(173, None),
    "modify_ldt": _Call(154, None),
    "uselib": _Call(134, None),
    "_sysctl": _Call(156, None),
    # memory of other nodes
    "move_pages": _Call(279, 239),
    "migrate_pages": _Call(256, 238),
    "mbind": _Call(237, 235),
    "set_mempolicy": _Call(238, 237),
    "set_mempolicy_home_node": _Call(450, 450),
}
_CLONE, _CLONE3 = _Call(56, 220), _Call(435, 435)
_PERSONALITY, _IOCTL = _Call(135, 92), _Call(16, 29)
_SOCKETS = (_Call(41, 198), _Call(53, 199))


def machine() -> Machine | None:
    """This machine's architecture, if there is a filter for it."""
    return next((name for name in _ARCH if name == platform.machine()), None)


def program(name: Machine) -> bytes:
    """The filter for `name` as an array of `struct sock_filter`, as `bwrap --seccomp` reads it."""
    return b"".join(_assemble(name))


def _assemble(name: Machine) -> Iterator[bytes]:
    refuse, absent = _ret(ERRNO | errno.EPERM), _ret(ERRNO | errno.ENOSYS)
    family = _ret(ERRNO | errno.EAFNOSUPPORT)
    # another calling convention (32-bit, x32) has other numbers than those below
    yield _op(_LOAD, _ARCH_OFFSET)
    yield _op(_JEQ, _ARCH[name], 1, 0)
    yield absent
    yield _op(_LOAD, _NR)
    if name == "x86_64":
        yield _op(_JGE, _X32, 0, 1)
        yield absent
    for denied in _DENIED.values():
        if (number := getattr(denied, name)) is not None:
            yield _op(_JEQ, number, 0, 1)
            yield refuse
    # clone3 passes its flags in memory, which a filter cannot read; libc falls back to clone
    yield _op(_JEQ, getattr(_CLONE3, name), 0, 1)
    yield absent
    yield from _when(getattr(_CLONE, name), 0, [_op(_JSET, _NAMESPACES, 0, 1), refuse])
    yield from _when(getattr(_PERSONALITY, name), 0, [_op(_JEQ, 0, 2, 0), _op(_JEQ, 0xFFFFFFFF, 1, 0), refuse])
    yield from _when(getattr(_IOCTL, name), 1, [_op(_JEQ, _TIOCSTI, 1, 0), _op(_JEQ, _TIOCLINUX, 0, 1), refuse])
    for call in _SOCKETS:
        yield from _when(getattr(call, name), 0, [_op(_JEQ, _AF_UNIX, 1, 0), family])
    yield _ret(ALLOW)


def _when(number: int, argument: int, body: list[bytes]) -> list[bytes]:
    """Runs `body` on the low word of `argument` if the call is `number`, then reloads the call number."""
    return [
        _op(_JEQ, number, 0, len(body) + 2),
        _op(_LOAD, _ARGS + 8 * argument),
        *body,
        _op(_LOAD, _NR),
    ]


def _op(code: int, k: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, k)


def _ret(value: int) -> bytes:
    return _op(_RET, value)
