"""Client of the MAGIC process, for machines with magic-impute: the process is started once and reused."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from importlib import metadata
from typing import Literal

import msgspec
import numpy as np

from domains.denoising.answer import counts_out
from domains.denoising.data.counts import Csr

Solver = Literal["exact", "approximate"]


def version() -> str | None:
    """The installed version of magic-impute; None without it."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("magic-impute")
    return None


class Magic:
    """The MAGIC process. It ends with this process, when its input is closed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._last: tuple[Csr, np.ndarray] | None = None

    def __call__(self, counts: Csr, *, solver: Solver = "exact", reversed_order: bool = False) -> np.ndarray:
        """MAGIC of `counts`, dense float32; raises `RuntimeError` if the process fails.

        The result with upstream's defaults is cached for the last `counts`: the floor and two baselines use it.
        """
        as_upstream = solver == "exact" and not reversed_order
        if as_upstream and self._last and self._last[0] is counts:
            return self._last[1]
        made = self._ask(counts, solver, reversed_order)
        if as_upstream:
            self._last = counts, made
        return made

    def _ask(self, counts: Csr, solver: Solver, reversed_order: bool) -> np.ndarray:
        process = self._process = self._process or self._start()
        request = msgspec.msgpack.encode({**counts_out(counts), "solver": solver, "reversed": reversed_order})
        assert process.stdin and process.stdout  # noqa: S101 - both are pipes
        try:
            process.stdin.write(len(request).to_bytes(4, "big") + request)
            process.stdin.flush()
        except BrokenPipeError:
            request = b""
        size = process.stdout.read(8) if request else b""
        made = process.stdout.read(int.from_bytes(size, "big")) if size else b""
        if len(made) != 4 * counts.shape[0] * counts.shape[1]:
            self.close()
            raise RuntimeError("the process that runs MAGIC died")
        return np.frombuffer(made, dtype="<f4").reshape(counts.shape)

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "domains.denoising.magic_process"]
        one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # the same on any machine
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **one})
