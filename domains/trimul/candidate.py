"""The answer of a harness: a kernel's source, checked before it is compiled or run."""

from __future__ import annotations

import ast
import hashlib
from typing import Any, Literal

import msgspec

Language = Literal["torch", "triton", "c++", "cuda", "numba"]
COMPILED = ("c++", "cuda")
NEEDS_GPU = ("triton", "cuda")
MOST = 512 << 10


class KernelRefused(Exception):
    """Why a kernel is refused: the stage of the cascade, and what happened there.

    `kind` is the sandbox's failure kind: `candidate` (wrong or crashed), `timeout` or `resource`.
    """

    def __init__(self, stage: str, message: str, kind: str = "candidate") -> None:
        super().__init__(f"{stage}: {message}" if kind == "candidate" else f"{stage}: {message} ({kind})")
        self.stage, self.kind = stage, kind


class Candidate(msgspec.Struct, frozen=True):
    """`source` is Python that defines `custom_kernel`; `code` is C++ or CUDA C++, compiled with `flags`."""

    language: Language
    source: str
    code: str = ""
    flags: list[str] = []

    def key(self, device: str) -> str:
        """A key, equal for sources that compile to the same library on `device`."""
        return hashlib.sha256(msgspec.json.encode([self.language, self.code, self.flags, device])).hexdigest()


def parse(answer: Any) -> Candidate:
    """The candidate that an answer is; raises `KernelRefused`."""
    try:
        candidate = msgspec.convert(answer, Candidate)
    except msgspec.ValidationError as error:
        raise KernelRefused("parse", f"the answer is no candidate: {error}") from None
    if len(candidate.source) + len(candidate.code) > MOST:
        raise KernelRefused("parse", f"the source is longer than {MOST >> 10} KB")
    try:
        tree = ast.parse(candidate.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise KernelRefused("parse", f"the Python source does not parse: {error}") from None
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    names |= {
        t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
    }
    if "custom_kernel" not in names:
        raise KernelRefused("parse", "the Python source defines no custom_kernel(data)")
    if bool(candidate.code) != (candidate.language in COMPILED):
        raise KernelRefused("parse", "`code` goes with the languages c++ and cuda, and only with them")
    if not all(flag.startswith(("-O", "-m", "-f", "-D", "-std=", "-W", "-g")) for flag in candidate.flags):
        raise KernelRefused("parse", "flags may begin with -O, -m, -f, -D, -std=, -W or -g")
    return candidate
