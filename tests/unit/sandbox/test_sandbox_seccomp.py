"""The filter, run by an interpreter of its few instructions on both machines."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from engine.sandbox.confinement import seccomp, syscalls

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def verdict(machine: seccomp.Machine, number: int, *args: int, arch: int | None = None) -> int:
    """The errno that a call gets, 0 where it is allowed."""
    data = struct.pack("=IIQ6Q", number, ARCH[machine] if arch is None else arch, 0, *args, *[0] * (6 - len(args)))
    code = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    at = accumulator = 0
    while True:
        op, true, false, k = code[at]
        at += 1
        if op == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif op == 0x06:
            assert k == seccomp.ALLOW or k & 0xFFFF0000 == seccomp.ERRNO
            return 0 if k == seccomp.ALLOW else k & 0xFFFF
        else:
            holds = {0x15: accumulator == k, 0x45: accumulator & k != 0, 0x35: accumulator >= k}[op]
            at += true if holds else false


NUMBERS = {
    "x86_64": {
        "read": 0,
        "clone": 56,
        "clone3": 435,
        "socket": 41,
        "ioctl": 16,
        "personality": 135,
        "ptrace": 101,
        "fcntl": 72,
    },
    "aarch64": {
        "read": 63,
        "clone": 220,
        "clone3": 435,
        "socket": 198,
        "ioctl": 29,
        "personality": 92,
        "ptrace": 117,
        "fcntl": 25,
    },
}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter(machine: seccomp.Machine) -> None:
    number = NUMBERS[machine]
    assert verdict(machine, number["read"]) == 0
    assert verdict(machine, number["ptrace"]) == errno.EPERM
    assert verdict(machine, number["clone3"]) == errno.ENOSYS
    assert verdict(machine, number["clone"], 0x01200011) == 0  # fork
    assert verdict(machine, number["clone"], 0x3D0F00) == 0  # a thread
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, number["clone"], namespace | 17) == errno.EPERM
    assert verdict(machine, number["socket"], 1) == 0
    for family in (2, 10, 16, 17, 38, 40):
        assert verdict(machine, number["socket"], family) == errno.EAFNOSUPPORT
    assert verdict(machine, number["ioctl"], 0, 0x5401) == 0
    assert verdict(machine, number["ioctl"], 0, 0x5412) == errno.EPERM
    assert verdict(machine, number["ioctl"], 0, 0xFFFFFFFF00005412) == errno.EPERM
    commands = {1: 0, 2: 0, 6: 0, 1024: errno.EPERM, 1026: errno.EPERM, 1030: 0}  # leases and notices are refused
    assert {command: verdict(machine, number["fcntl"], 3, command) for command in commands} == commands
    assert [verdict(machine, number["personality"], value) for value in (0, 0xFFFFFFFF, 8)] == [0, 0, errno.EPERM]
    assert verdict(machine, number["read"], arch=0x40000003) == errno.ENOSYS


HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def kernel_numbers(machine: seccomp.Machine) -> dict[str, int]:
    """The numbers in the kernel's header on this machine."""
    header = next((path for path in map(Path, HEADERS[machine]) if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    named = {"fstatat": "newfstatat"} if machine == "aarch64" else {}
    return {named.get(name, name): int(number) for name, number in found}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_numbers_are_those_of_the_kernel_s_header_and_every_other_call_is_refused(machine: seccomp.Machine) -> None:
    known = kernel_numbers(machine)
    ours = {name: getattr(call, machine) for name, call in {**syscalls.ALLOWED, **syscalls.FILTERED}.items()}
    assert len(ours) > 240
    assert {name: number for name, number in ours.items() if number is not None and known[name] != number} == {}
    assert [name for name, number in ours.items() if number is None and name in known] == []
    for name, number in known.items():
        refusal = errno.ENOSYS if number > syscalls.LAST else errno.EPERM
        if name not in syscalls.FILTERED:
            assert verdict(machine, number) == (0 if number in ours.values() else refusal), name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_call_of_a_later_kernel_is_absent(machine: seccomp.Machine) -> None:
    assert verdict(machine, syscalls.LAST) == errno.EPERM
    assert {verdict(machine, number) for number in range(syscalls.LAST + 1, 1024)} == {errno.ENOSYS}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_child_cannot_be_made_the_sibling_of_its_parent(machine: seccomp.Machine) -> None:
    assert verdict(machine, NUMBERS[machine]["clone"], 0x8000 | 17) == errno.EPERM


def test_the_x32_calls_are_absent() -> None:
    assert verdict("x86_64", 0x40000000 | 1) == errno.ENOSYS


def test_every_jump_lands_inside() -> None:
    for machine in ("x86_64", "aarch64"):
        code = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
        assert len(code) < 4096
        assert code[-1][0] == 0x06
        assert all(at + 1 + max(true, false) < len(code) for at, (_, true, false, _) in enumerate(code[:-1]))
