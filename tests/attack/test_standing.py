"""What a solve starts with, whatever it then tries: its namespaces, mounts, rights and descriptors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox import Isolation
from engine.sandbox.confinement import seccomp
from tests.attack.attacking import Bare, run

LOOK = """
import os
def links(folder):
    # the one with which the folder is read has gone when it is looked at
    return {name: os.readlink(f"{folder}/{name}") for name in os.listdir(folder) if os.path.lexists(f"{folder}/{name}")}
def solve(instance, ctx):
    descriptors = links("/proc/self/fd")
    with open("/proc/self/mounts") as mounts, open("/proc/self/status") as status:
        return {
            "descriptors": descriptors,
            "namespaces": links("/proc/self/ns"),
            "mounts": [line.split()[1:4] for line in mounts],
            "status": dict(line.split(":\\t") for line in status.read().splitlines() if ":\\t" in line),
        }
"""
WRITABLE = ("/run/sia/scratch/0", "/run/sia/scratch/prepare")
KERNEL_S_OWN = ("devtmpfs", "devpts", "proc")
"""The file systems of single devices, and of processes; what may be written there is not the mount's to say."""


@pytest.fixture(scope="module")
def found(isolation: Isolation) -> dict[str, Any]:
    outcome = run(LOOK, [None], isolation)["0"]
    assert outcome.failure is None, outcome
    assert isinstance(outcome.answer, dict)
    return outcome.answer


def test_it_has_its_streams_and_its_channel_and_no_other_descriptor(found: dict[str, Any]) -> None:
    kinds = [link.partition(":")[0] for link in found["descriptors"].values()]
    assert sorted(kinds) == [os.devnull, "pipe", "pipe", "socket"]


def test_its_namespaces_are_not_the_host_s(found: dict[str, Any], bare: Bare) -> None:
    ours = {name: Path(f"/proc/self/ns/{name}").readlink().name for name in found["namespaces"]}
    apart = {"pid", "net", "ipc", "uts", "mnt"}
    assert not {name for name in apart if found["namespaces"][name] == ours[name]}
    assert bare(LOOK, None).answer["namespaces"]["net"] == ours["net"]


def test_every_mount_but_its_scratch_is_read_only(found: dict[str, Any]) -> None:
    writable = [
        place for place, kind, how in found["mounts"] if "ro" not in how.split(",") and kind not in KERNEL_S_OWN
    ]
    assert sorted(writable) == list(WRITABLE)
    assert len(found["mounts"]) > 10


def test_it_has_no_capability_no_way_to_one_and_a_filter(found: dict[str, Any]) -> None:
    status = found["status"]
    assert {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if seccomp.machine() else "0")
