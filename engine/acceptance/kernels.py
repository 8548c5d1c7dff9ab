"""The kernels' part: the verifier on trimul's baselines, on a sample in each language and on a wrong kernel; and other
programs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import Grade
from engine.acceptance.report import Table
from engine.errors import SiaError
from engine.grading.cases import table
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import find

PEERS = "domains.trimul.peers"
PEERS_S = 900.0
_UNMASKED = "\n\ndef custom_kernel(data):\n    x, mask, w, c = data\n    return masked((x, mask * 0 + 1, w, c))\n"


async def kernels() -> Sequence[Table]:
    """A table of cases for each kernel; raises `SiaError` if a correct kernel is refused or a wrong one passes."""
    folder = find("trimul")
    grader = Grader(folder)
    try:
        answers = {name: given[0] for name, given in (await grader.baseline_answers("val")).items()}
        first, found = next(iter(answers.values())), []
        for name, answer in {**answers, **samples(folder.path / "samples")}.items():
            grade = await grader.grade("val", "val-0", answer)
            if grade.refused:
                raise SiaError(f"the kernel {name!r} is refused ({grade.refused})", f"it should pass: {grade.detail}")
            found.append(cases(f"{name}: score {grade.score:.4g}", grade))
        wrong = {**first, "source": first["source"].replace("def custom_kernel", "def masked") + _UNMASKED}
        if not (await grader.grade("val", "val-0", wrong)).refused:
            raise SiaError("a kernel that ignores the mask has passed", "the verifier is broken: report it")
    except GraderFailed as error:
        raise SiaError(f"the verifier failed ({error})", "see the part's sentence, and `sia doctor`") from None
    finally:
        await grader.close()
    return [*found, Table("a kernel that ignores the mask", ["verdict"], [["refused, as it must be"]]), await _peers()]


def samples(folder: Path) -> dict[str, dict[str, Any]]:
    """A correct kernel in each language that needs a GPU."""
    source = {name: (folder / name).read_text() for name in ("triton.py", "cuda.py", "cuda.cu")}
    return {
        "gates in Triton": {"language": "triton", "source": source["triton.py"]},
        "gates in CUDA C++": {
            "language": "cuda", "source": source["cuda.py"], "code": source["cuda.cu"], "flags": ["-O3"],
        },
    }  # fmt: skip


def cases(title: str, grade: Grade) -> Table:
    """A table of the grade's measures that are named `(case) column`."""
    found = table(grade.measures.items())
    columns = list(dict.fromkeys(name for one in found.values() for name in one))
    rows = [[case, *(f"{one[name]:.4g}" if name in one else "-" for name in columns)] for case, one in found.items()]
    return Table(title, ["case", *columns], rows)


async def _peers() -> Table:
    """The times of other programs, measured together with ours in a separate process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", PEERS), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), PEERS_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise SiaError("the other programs did not end", "run `python -m domains.trimul.peers` by itself") from None
    if process.returncode:
        last = errors.decode(errors="replace").strip().split("\n")[-1]
        raise SiaError(f"the other programs failed ({last})", "run `python -m domains.trimul.peers` by itself")
    found = msgspec.json.decode(output, type=dict[str, dict[str, str]])
    columns = list(dict.fromkeys(name for one in found.values() for name in one))
    rows = [[case, *(one.get(name, "-") for name in columns)] for case, one in found.items()]
    return Table("beside other programs, in one process, without a verifier: ms", ["case", *columns], rows)
