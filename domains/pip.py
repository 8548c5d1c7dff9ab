"""Downloads or installs packages with the user's pip, from the index that it is configured for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from domains.contract import DataMissing, DataRefused, Report

WALL_S = 3000.0
"""Guards against a pip that hangs; pip itself limits the time without data (15 s by default)."""
_INDEX = "check the package index that pip is configured for"
_PERMANENT: Sequence[tuple[str, str, str]] = (
    (r"No module named '?pip\b", "this Python has none", f"run `{sys.executable} -m ensurepip`"),
    (r"No space left|Errno 28\b", "no space left on the disk", "free some, or set $SIA_CACHE to a folder elsewhere"),
    (r"Permission denied|Read-only file system|Errno (13|30)\b", "", "set $SIA_CACHE to a folder of your own"),
    (r"CERTIFICATE_VERIFY_FAILED", "the certificate of the index is not trusted", "see pip's option --cert"),
    (r"HTTP error 4(?!08|25|29)\d\d", "", _INDEX),
    (r"--require-hashes|ResolutionImpossible|a different python|is not a supported wheel", "", _INDEX),
    (r"an activated virtualenv|no such option|during configuration|Invalid requirement", "", "correct pip's settings"),
)
"""Permanent errors: pip's message, a name for it, and the remedy. All others are retried: pip reports a file that an
index lacks for a while like one that never existed."""


def wheel(requirement: str, folder: Path, remedy: str = "try again") -> Path:
    """Downloads the wheel of `requirement`, without its dependencies, into `folder`.

    Raises `DataRefused` for temporary errors and `DataMissing` for permanent ones.
    """
    folder.mkdir(exist_ok=True)
    run("download", [requirement], "--no-deps", "--no-cache-dir", "--dest", str(folder), scratch=folder, remedy=remedy)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise DataMissing(f"pip downloaded no wheel of {requirement}: {remedy}.")
    return wheels[0]


def run(
    command: str,
    requirements: Sequence[str],
    *options: str,
    scratch: Path,
    remedy: str,
    python: str = sys.executable,
    report: Report | None = None,
) -> None:
    """Runs `pip download` or `pip install`, wheels only. pip ends with the calling process, even if that is killed.

    pip's temporary files are in the folder `scratch`, so that a killed pip leaves none in the system's folder.
    A requirement may be followed by hashes, ` --hash=sha256:...`: then pip accepts no other file.
    `python` belongs to the environment to install into; `report` receives each download and installation. Raises as
    `wheel` does.
    """
    words = [python, "-P", "-c", _PIP, command, "--no-input", "--disable-pip-version-check"]
    words += ["--only-binary", ":all:", *options]
    named = list(map(without_hashes, requirements))
    if named == list(requirements):
        words += requirements
    else:  # pip takes hashes in a file only, and then for all that it installs
        (hashed := scratch / "requirements.txt").write_text("\n".join(requirements))
        words += ["--requirement", str(hashed)]
    what = f"pip could not {command} {', '.join(named)}"
    try:
        environment = {**os.environ, "TMPDIR": str(scratch)}
        done = _run_and_report(words, environment, report) if report else _run(words, environment)
    except subprocess.TimeoutExpired:
        raise DataMissing(f"{what} in {WALL_S:g} s: check the network, then {remedy}.") from None
    if done.returncode == 0:
        return
    output = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
    messages = re.findall(r"^\s*(?:ERROR:|×) (.+)$", output, re.MULTILINE) if "Traceback" not in output else []
    messages = messages or [output.splitlines()[-1].strip()]
    for sign, name, cure in _PERMANENT:
        if re.search(sign, output if "CERTIFICATE" in sign else "\n".join(messages)):
            raise DataMissing(f"{what} ({name or _short(messages[-1])}): {cure}, then {remedy}.")
    reason = _cause(output) or _short(messages[-1])
    raise DataRefused(f"{what} ({reason}): check the network and the package index of pip, then {remedy}.", reason)


def without_hashes(requirement: str) -> str:
    """The requirement alone."""
    return requirement.split(" --hash=", maxsplit=1)[0]


def _run(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=WALL_S
    )


def _run_and_report(
    words: Sequence[str], environment: Mapping[str, str], report: Report
) -> subprocess.CompletedProcess[str]:
    """As `_run`, but reports each download and installation when it begins."""
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace"
        )
        guard = threading.Timer(WALL_S, process.kill)
        guard.start()
        lines = []
        with process:
            for line in process.stdout or ():
                lines.append(line)
                if line.strip().startswith(("Downloading ", "Installing ")):
                    report(re.sub(r"\S+/", "", line.strip()))  # a file by its name, not by its address
        if not guard.is_alive():
            raise subprocess.TimeoutExpired(words, WALL_S)
        guard.cancel()
        errors.seek(0)
        return subprocess.CompletedProcess(words, process.returncode, "".join(lines), errors.read())


_PIP = """
import ctypes, runpy
getattr(ctypes.CDLL(None), "prctl", lambda *_: None)(1, 9)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
"""PR_SET_PDEATHSIG: pip must not continue after its parent was killed, beside the pip of a successor."""


def _cause(output: str) -> str:
    """The cause of a failed download, which pip's last line does not name."""
    if "DO NOT MATCH THE HASHES" in output or "not enough bytes" in output:
        return "the download is incomplete, or has another hash than announced"
    if "timed out" in output:
        return "the index did not answer in time"
    found = re.findall(r"\[Errno -?\d+\] ([^'\")\]]+)", output) or re.findall(
        r"(?:Error|Disconnected)\('([^'()]+)'\)", output
    )
    through = "the proxy: " if "ProxyError" in output else ""
    return f"{through}{found[-1]}" if found else ""


def _short(line: str) -> str:
    return line if len(line) <= 200 else f"{line[:199]}…"
