"""Matrices as plain data, and the rules for answers.

In:  {"shape": [cells, genes], "data", "indices", "indptr"}, little-endian int32 bytes of the CSR parts.
Out: {"shape": [cells, genes], "dtype": "float32", "values"}, little-endian bytes row by row,
     or with "data" (float32), "indices", "indptr" (int32) in place of "values".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from domains.denoising.data.counts import Csr

FEWEST, MOST = 0.5, 2.0
"""The bounds of a cell's denoised sum, as shares of its sum in the input."""


class AnswerRefused(Exception):
    """The answer is not a valid denoised matrix; the message says why."""


def counts_out(shown: Csr) -> dict[str, Any]:
    """The input of a harness."""
    parts = {name: getattr(shown, name).astype("<i4").tobytes() for name in ("data", "indices", "indptr")}
    return {"shape": list(map(int, shown.shape)), **parts}


def dense_out(values: Any) -> dict[str, Any]:
    """The answer of a dense matrix."""
    return {
        "shape": list(map(int, values.shape)),
        "dtype": "float32",
        "values": np.ascontiguousarray(values, dtype="<f4").tobytes(),
    }


def sparse_out(matrix: Csr) -> dict[str, Any]:
    """The answer of a sparse matrix."""
    return {**counts_out(matrix), "dtype": "float32", "data": matrix.data.astype("<f4").tobytes()}


def accept(answer: Any, shown: Csr) -> Any:
    """The matrix of an answer, dense or CSR; raises `AnswerRefused` if its values are impossible."""
    matrix = _matrix(answer, shown.shape)
    values = matrix if isinstance(matrix, np.ndarray) else matrix.data
    if not np.isfinite(values).all():
        raise AnswerRefused("a value is not finite")
    if (values < 0).any():
        raise AnswerRefused("a value is negative")
    if float(values.max(initial=0.0)) > float(shown.sum()):
        raise AnswerRefused("a value is larger than the sum of all that is shown")
    return matrix


def loss(matrix: Any, shown: Csr) -> str:
    """Which rule about cell sums the matrix breaks, in one sentence; empty if none."""
    given = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    before = np.asarray(shown.sum(axis=1), dtype=np.float64).ravel()
    occupied = before > 0
    if (given[occupied] == 0).any():
        return "a cell has nothing left: its row is all zeros"
    share = given[occupied] / before[occupied]
    if (share < FEWEST).any() or (share > MOST).any():
        return f"a cell's sum is not within {FEWEST:g} to {MOST:g} times what is shown of it"
    return ""


def _matrix(answer: Any, shape: tuple[int, int]) -> Any:
    if not isinstance(answer, dict):
        raise AnswerRefused(f"an answer is a map with shape, dtype and values, not a {type(answer).__name__}")
    if answer.get("shape") != list(shape):
        raise AnswerRefused(f"the shape is {str(answer.get('shape'))[:40]}, not {list(shape)}")
    if answer.get("dtype") != "float32":
        raise AnswerRefused(f"the dtype is {str(answer.get('dtype'))[:20]!r}, not 'float32'")
    if "values" in answer:
        return _array(answer, "values", "<f4", shape[0] * shape[1]).reshape(shape)
    indptr = _array(answer, "indptr", "<i4", shape[0] + 1)
    indices = _array(answer, "indices", "<i4")
    data = _array(answer, "data", "<f4", len(indices))
    try:
        matrix = sparse.csr_matrix((data, indices, indptr), shape=shape, copy=True)
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise AnswerRefused(f"the CSR parts do not fit together ({error})") from None
    matrix.sum_duplicates()
    return matrix


def _array(answer: dict[str, Any], name: str, kind: str, length: int | None = None) -> np.ndarray:
    part = answer.get(name)
    if not isinstance(part, bytes) or len(part) % 4 or (length is not None and len(part) != 4 * length):
        raise AnswerRefused(f"{name!r} is not the bytes of {'numbers' if length is None else f'{length} numbers'}")
    return np.frombuffer(part, dtype=kind)
