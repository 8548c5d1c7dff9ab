"""Runs a SIA task's evaluate.py on the files that the target agent wrote; no code of the candidate runs here."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

SCORES = ("score", "accuracy", "combined_score")
"""What may be called the score, as in `domain.py`; the first that is there counts."""


def main() -> None:
    """Evaluates the folder `job["answer"]` and writes its results.json to `job["out"]`."""
    job = json.loads(sys.argv[1])
    sys.path.append(str(Path(__file__).parent))
    from judged_metrics import write

    answer = Path(job["answer"])
    (answer / "results.json").unlink(missing_ok=True)  # the candidate's own file would be taken for the result
    script = Path(job["task"], job["evaluator"])
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script), "--gen-dir", str(answer)]
    status: object = 0
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        status = ended.code or 0
    write(job["out"], lambda: _measured(job["evaluator"], answer / "results.json", status))


def _measured(evaluator: str, results: Path, status: object) -> dict[str, Any]:
    """Its metrics that are numbers; no text of the evaluator, which could contain an answer."""
    from judged_metrics import NotAScore, plain

    if status != 0:
        status = status if isinstance(status, int) else 1
        raise NotAScore(f"{evaluator} refused the submission (exit status {status})")
    if not results.is_file():
        raise NotAScore(f"{evaluator} wrote no results.json")
    found = json.loads(results.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise NotAScore(f"{evaluator} wrote a results.json that holds no object")
    named = next((name for name in SCORES if name in found), "")
    try:
        metrics = plain(found, named)
    except NotAScore:
        kind = type(found[named]).__name__
        raise NotAScore(f"{named} in the results.json of {evaluator} is no finite number (type {kind})") from None
    numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    if not numbers:
        raise NotAScore(f"there is no number in the results.json of {evaluator}")
    return {"metrics": numbers}


if __name__ == "__main__":
    main()
