"""Tasks of other tools, run as they are: in the sandbox, by their own evaluators, under the engine's gate."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from engine.events.reader import Reader
from engine.grading.loader import find
from tests.docs.commandline import PEERS, sia

GENERATIONS = 20 if os.environ.get("SIA_LONG") else 6
"""`make test-long` has 20, for which the eight pairs of a shorter run are too few."""
UNCHANGING = """
[[decision]]
reason = "nothing but a word in a comment"
files = { "initial.py" = "# %d\\n%s" }
"""
NOISY = '''"""Half a coin, half the program: no seed reaches it."""
import argparse, importlib.util, json, random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--program_path")
parser.add_argument("--results_dir")
given = parser.parse_args()
spec = importlib.util.spec_from_file_location("program", given.program_path)
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
score = program.VALUE + random.SystemRandom().gauss(0, 1)
Path(given.results_dir, "metrics.json").write_text(json.dumps({"combined_score": score}))
Path(given.results_dir, "correct.json").write_text(json.dumps({"correct": True}))
'''


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path_factory.mktemp("cache")))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def facts(folder: Path, *arguments: str) -> dict[str, object]:
    done = sia(folder, *arguments, "--json")
    assert done.status == 0, done.errors
    found: dict[str, object] = json.loads(done.output)
    return found


def task(folder: Path, evaluator: str, program: str = "VALUE = 5\n") -> Path:
    place = folder / "task"
    place.mkdir()
    (place / "evaluate.py").write_text(evaluator)
    (place / "initial.py").write_text(program)
    return place


def test_a_staged_evaluator_with_helpers_files_and_processes_works_and_its_task_stays_as_it_was(tmp_path: Path) -> None:
    before = tree(PEERS / "openevolve")
    found = facts(tmp_path, "adopt", str(PEERS / "openevolve"))
    assert found["noisy"] is True and found["missing"] == []
    # it starts a process, which could run the program
    assert found["caution"] == "this verifier shares a process with the candidate (the task's code uses subprocess)"
    scores = found["scores"]
    assert isinstance(scores, list) and len(set(scores)) == len(scores) == 5
    assert all(0 < score < 1 for score in scores)
    assert tree(PEERS / "openevolve") == before


@pytest.mark.slow
def test_the_search_agent_improves_a_program_that_declares_nothing(tmp_path: Path) -> None:
    shown = facts(tmp_path, "run", str(PEERS / "shinka"), "--generations", "2", "--probes", "8")
    scores = [one["val"]["score"] for one in shown["generations"]]  # type: ignore[attr-defined]
    assert max(scores) > scores[0] == pytest.approx(0.788083, abs=1e-6)
    changed = sia(tmp_path, "diff", "last", "1", str(shown["best"]["generation"])).output  # type: ignore[index]
    assert "-    return x" in changed and "+    return " in changed and "initial.py" in changed
    assert "this verifier shares a process" not in sia(tmp_path, "log", "last", "--json").output
    assert sia(tmp_path, "replay", "last", "--verify").status == 0
    tested = facts(tmp_path, "test", "last")
    assert tested["score"] == pytest.approx(max(scores))


@pytest.mark.slow
def test_what_is_private_is_seen_by_the_verifier_alone(tmp_path: Path) -> None:
    peeping = tmp_path / "task"
    shutil.copytree(PEERS / "sia", peeping)
    agent = peeping / "reference" / "reference_target_agent.py"
    looks = """
    import os
    seen = [os.path.join(top, name) for top, _, names in os.walk("/") for name in names if top[:5] != "/proc"]
    assert not [path for path in seen if "answers.csv" in path or path.endswith("public/evaluate.py")], "seen"
"""
    agent.write_text(
        agent.read_text().replace("    given = parser.parse_args()\n", looks + "    given = parser.parse_args()\n")
    )
    shown = facts(tmp_path, "run", str(peeping), "--generations", "1")
    assert shown["generations"][0]["failures"] == {}  # type: ignore[index]
    with Reader.open(tmp_path / ".sia" / "events.db").db.conn as connection:
        blobs = [row[0] for row in connection.execute("SELECT sha256 FROM blobs")]
    reader = Reader.open(tmp_path / ".sia" / "events.db")
    assert blobs and not any(b"the answers are" in reader.blob(name) for name in blobs)
    reader.close()


def test_an_answer_s_own_results_are_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "handed in"
    folder.mkdir()
    (folder / "results.json").write_text('{"accuracy": 1.0}')
    done = sia(tmp_path, "adopt", str(PEERS / "sia"), "--grade", str(folder))
    assert done.status == 1 and "refused the submission" in done.errors
    (folder / "submission.csv").write_text("id,answer\n0,2\n1,4\n2,0\n3,0\n4,0\n5,40\n")
    graded = facts(tmp_path, "adopt", str(PEERS / "sia"), "--grade", str(folder))["graded"]
    assert graded == {"score": 0.5, "measures": {"accuracy": 0.5, "n_total": 6.0}}


def test_what_is_not_correct_counts_less_than_what_works_also_below_zero(tmp_path: Path) -> None:
    place = task(
        tmp_path,
        NOISY.replace("random.SystemRandom().gauss(0, 1)", "0").replace('"correct": True', '"correct": score < 0'),
        "VALUE = -5\n",
    )
    wrong = tmp_path / "wrong.py"
    wrong.write_text("VALUE = 5\n")
    found = facts(tmp_path, "adopt", str(place), "--grade", str(wrong))
    assert found["scores"] == [-5.0] * 5
    assert found["graded"]["score"] < -5  # type: ignore[index]


@pytest.mark.parametrize("generations", [pytest.param(GENERATIONS, marks=pytest.mark.slow), 2])
def test_a_program_that_is_never_changed_is_never_accepted_by_a_noisy_evaluator(
    tmp_path: Path, generations: int
) -> None:
    place = task(tmp_path, NOISY)
    script = "".join(UNCHANGING % (n, "VALUE = 5\\n") for n in range(generations))
    (tmp_path / "script.toml").write_text(script)
    command = ("run", str(place), "--generations", str(generations), "--agent", "script:script.toml")
    rows = facts(tmp_path, *command)["generations"]
    if any(row["accepted"] for row in rows[1:]):  # type: ignore[index]
        # the gate may err in one run of twenty, and nothing can seed this noise: twice is one of four hundred
        rows = facts(tmp_path, *command)["generations"]
    assert len(rows) == generations  # type: ignore[arg-type]
    assert [row["accepted"] for row in rows] == [True] + [False] * (generations - 1)  # type: ignore[attr-defined]
    assert all(row["val"]["n"] >= 8 for row in rows)  # type: ignore[attr-defined]
    assert len({row["val"]["score"] for row in rows}) == generations  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("evaluator", "program", "says"),
    [
        ("import nowhere_at_all\n", "VALUE = 1\n", "nowhere_at_all"),
        (NOISY, "import openai\nVALUE = 1\n", "calls a language model (openai), and a sandbox has no network"),
        (
            "raise ValueError('out of order')\n",
            "VALUE = 1\n",
            "fails in its evaluator: RuntimeError: ValueError: out of order",
        ),
        ("__import__('nowhere' + '_else')\n", "VALUE = 1\n", "needs the module nowhere_else, which is not installed"),
    ],
)
def test_a_task_that_cannot_work_here_is_refused_in_a_sentence_before_anything_is_written(
    tmp_path: Path, evaluator: str, program: str, says: str
) -> None:
    done = sia(tmp_path, "run", str(task(tmp_path, evaluator, program)))
    assert done.status == 1 and says in done.errors and "Traceback" not in done.errors
    assert not (tmp_path / ".sia").exists()


@pytest.mark.slow
def test_an_evaluator_that_never_ends_is_a_failure(tmp_path: Path) -> None:
    place = tmp_path / "task"
    place.mkdir()
    (place / "initial_program.py").write_text("VALUE = 1\n")
    (place / "evaluator.py").write_text("def evaluate(path):\n    while True:\n        pass\n")
    (place / "config.yaml").write_text("evaluator:\n  timeout: 1\n  cascade_evaluation: false\n")
    done = sia(tmp_path, "run", str(place))
    assert done.status == 1 and "CPU time" in done.errors  # said by whoever sees it first


@pytest.mark.slow
def test_an_adopted_task_is_gone_on_with_only_as_it_was(tmp_path: Path) -> None:
    place = task(tmp_path, NOISY.replace("random.SystemRandom().gauss(0, 1)", "0"))
    facts(tmp_path, "run", str(place), "--generations", "1")
    assert find(str(place)).spec.noisy is False
    (place / "evaluate.py").write_text(NOISY)
    done = sia(tmp_path, "resume", "last", "--generations", "2")
    assert done.status == 1 and "has changed since this run started" in done.errors


def test_an_evaluator_that_lets_shinka_run_the_program_works_without_it(tmp_path: Path) -> None:
    place = task(
        tmp_path,
        """import sys
from shinka.core import run_shinka_eval

run_shinka_eval(
    program_path=sys.argv[2],
    results_dir=sys.argv[4],
    experiment_fn_name="run",
    num_runs=3,
    get_experiment_kwargs=lambda run: {"add": run},
    validate_fn=lambda result: (result < 9, f"{result} is too much"),
    aggregate_metrics_fn=lambda results: {"combined_score": sum(results), "public": {}},
    plotting_fn=None,
)
""",
        "VALUE = 4\n\n\ndef run(add):\n    return VALUE + add\n",
    )
    more = tmp_path / "more.py"
    more.write_text("def run(add):\n    return 8 + add\n")
    found = facts(tmp_path, "adopt", str(place), "--grade", str(more))
    assert found["scores"] == [15.0] * 5  # 4 + 5 + 6
    assert found["graded"]["score"] == 0  # type: ignore[index]
