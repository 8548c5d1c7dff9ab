"""The system calls that a harness may make (`syscalls`), assembled into a seccomp filter.

Every other call gets an errno and nothing is killed, so that a library that tries such a call can continue without it:
EPERM for a call that the table's author knew, ENOSYS for a later one, as libraries expect of a kernel that lacks it. It
is a second line of defence: the namespaces hold without it. It keeps a harness away from kernel code in which escapes
have been found, and from state that outlives a process.
Layout of the program: `struct seccomp_data` in linux/seccomp.h and Documentation/networking/filter.rst.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator

from engine.sandbox.confinement.syscalls import ALLOWED, FILTERED, LAST, Machine

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
_ARCH: dict[Machine, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

_NR, _ARCH_OFFSET, _ARGS = 0, 4, 16
_LOAD, _JEQ, _JSET, _JGE, _RET = 0x20, 0x15, 0x45, 0x35, 0x06

# CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}
_NAMESPACES = 0x00000080 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_CLONE_PARENT = 0x00008000  # the child would be the caller's sibling, which a sweep of the caller's descendants misses
_AF_UNIX, _AF_INET, _TCP = 1, 2, 6
_STREAM, _OTHER_TYPES = 1, 0xFFFFFFFF & ~(1 | 0x80000 | 0x800)  # beside SOCK_CLOEXEC and SOCK_NONBLOCK
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_F_SETLEASE, _F_NOTIFY = 1024, 1026  # whoever opens a leased file for writing waits for its holder, outside too


def machine() -> Machine | None:
    """This machine's architecture, if there is a filter for it."""
    return next((name for name in _ARCH if name == platform.machine()), None)


def program(name: Machine, *, loopback: bool = False) -> bytes:
    """The filter for `name` as an array of `struct sock_filter`, as `bwrap --seccomp` reads it.

    With `loopback` it allows TCP over IPv4, for a sandbox whose only network is its own loopback.
    """
    return b"".join(_assemble(name, loopback=loopback))


def _assemble(name: Machine, *, loopback: bool) -> Iterator[bytes]:
    allow, refuse, absent = _ret(ALLOW), _ret(ERRNO | errno.EPERM), _ret(ERRNO | errno.ENOSYS)
    family = _ret(ERRNO | errno.EAFNOSUPPORT)
    # another calling convention (32-bit, x32) has other numbers than those below
    yield _op(_LOAD, _ARCH_OFFSET)
    yield _op(_JEQ, _ARCH[name], 1, 0)
    yield absent
    yield _op(_LOAD, _NR)
    if name == "x86_64":
        yield _op(_JGE, _X32, 0, 1)
        yield absent
    # clone3 passes its flags in memory, which a filter cannot read; libc falls back to clone
    yield _op(_JEQ, _number("clone3", name), 0, 1)
    yield absent
    forbidden = _NAMESPACES | _CLONE_PARENT
    yield from _when(_number("clone", name), 0, [_op(_JSET, forbidden, 0, 1), refuse, allow])
    same = [_op(_JEQ, 0, 2, 0), _op(_JEQ, 0xFFFFFFFF, 1, 0), refuse, allow]
    yield from _when(_number("personality", name), 0, same)
    terminal = [_op(_JEQ, _TIOCSTI, 1, 0), _op(_JEQ, _TIOCLINUX, 0, 1), refuse, allow]
    yield from _when(_number("ioctl", name), 1, terminal)
    leases = [_op(_JEQ, _F_SETLEASE, 1, 0), _op(_JEQ, _F_NOTIFY, 0, 1), refuse, allow]
    yield from _when(_number("fcntl", name), 1, leases)
    local = [_op(_JEQ, _AF_UNIX, 1, 0), family, allow]
    tcp = [_op(_JEQ, _AF_UNIX, 8, 0), _op(_JEQ, _AF_INET, 0, 6)]
    tcp += [_op(_LOAD, _ARGS + 8), _op(_JSET, _OTHER_TYPES, 4, 0), _op(_JSET, _STREAM, 0, 3)]
    tcp += [_op(_LOAD, _ARGS + 16), _op(_JEQ, 0, 2, 0), _op(_JEQ, _TCP, 1, 0), family, allow]
    yield from _when(_number("socket", name), 0, tcp if loopback else local)
    yield from _when(_number("socketpair", name), 0, local)
    for first, last in _runs(name):  # in order: a number below this run was in no earlier one
        yield _op(_JGE, last + 1, 3, 0)
        yield _op(_JGE, first, 0, 1)
        yield allow
        yield refuse
    yield _op(_JGE, LAST + 1, 0, 1)
    yield absent
    yield refuse


def _number(call: str, name: Machine) -> int:
    number = getattr(FILTERED[call], name)
    assert isinstance(number, int)  # noqa: S101  (both machines have these)
    return number


def _runs(name: Machine) -> list[tuple[int, int]]:
    """The allowed numbers as runs without a gap."""
    runs: list[tuple[int, int]] = []
    for number in sorted(number for call in ALLOWED.values() if (number := getattr(call, name)) is not None):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _when(number: int, argument: int, body: list[bytes]) -> list[bytes]:
    """Runs `body`, which ends in a verdict, on the low word of `argument` if the call is `number`."""
    return [_op(_JEQ, number, 0, len(body) + 1), _op(_LOAD, _ARGS + 8 * argument), *body]


def _op(code: int, k: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, k)


def _ret(value: int) -> bytes:
    return _op(_RET, value)
