"""Runs MAGIC in a separate process: magic-impute is GPL-2, and is imported only here.

Requests and replies are length-prefixed MessagePack on standard input and output; it ends when its input does.
Called as upstream calls it (OpenProblems): square roots of library-normalised counts, `knn` 5, `decay` 1, `t` 3,
squares of the result, times the library sizes; "reversed" takes the square roots first.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import msgspec
import numpy as np
from scipy import sparse


def denoise(counts: Any, *, solver: str, reversed_order: bool) -> np.ndarray:
    """MAGIC of a CSR matrix of counts, dense float32."""
    from magic import MAGIC

    roots = np.sqrt(counts) if reversed_order else counts.copy()
    totals = np.asarray(roots.sum(axis=1)).ravel()
    totals[totals == 0] = 1
    roots.data = roots.data / np.repeat(totals, np.diff(roots.indptr))
    if not reversed_order:
        roots = np.sqrt(roots)
    components = min(100, min(counts.shape) - 1)
    operator = MAGIC(solver=solver, knn=5, decay=1, t=3, n_pca=components, random_state=0, n_jobs=1, verbose=0)
    made: np.ndarray = np.asarray(operator.fit_transform(roots.toarray(), genes="all_genes"))
    if reversed_order:
        return np.asarray(np.square(made * totals[:, None]), dtype=np.float32)
    return np.asarray(np.square(made) * totals[:, None], dtype=np.float32)


def main() -> None:
    """Serves until the input ends."""
    warnings.simplefilter("ignore")
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries must not mix with the frames
    while len(head := source.read(4)) == 4:
        request = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")))
        parts = [np.frombuffer(request[name], dtype="<i4") for name in ("data", "indices", "indptr")]
        counts = sparse.csr_matrix((parts[0].astype(np.float64), parts[1], parts[2]), shape=request["shape"])
        made = denoise(counts, solver=request["solver"], reversed_order=request["reversed"])
        reply = made.astype("<f4").tobytes()
        sink.write(len(reply).to_bytes(8, "big") + reply)
        sink.flush()


if __name__ == "__main__":
    main()
