"""ShinkaEvolve with its defaults, without embeddings: a generation is a proposal, or several where edits do not apply.

It has no option for a seed, so that the generators of Python and numpy are seeded, from which it draws. It would ask a
server that refuses again for minutes, hence it is stopped at the first refusal, of which its log tells.
"""

import asyncio
import logging
import os
import random

import numpy
from program_protocol import SPENT, evaluator, marked, play
from shinka.core import EvolutionConfig, ShinkaEvolveRunner
from shinka.database import DatabaseConfig
from shinka.launch import LocalJobConfig

_EVALUATE = """
import json
import pathlib

_, _, program, _, results = sys.argv
value, error = score(SCORE_URL, pathlib.Path(program).read_text(encoding="utf-8"))
results = pathlib.Path(results)
(results / "metrics.json").write_text(json.dumps({"combined_score": value}))
(results / "correct.json").write_text(json.dumps({"correct": not error, "error": error or None}))
if error:
    print(error, file=sys.stderr)
"""


def run(told):
    """Evolves the program that the arena told of."""
    start = told.folder / "start.py"
    start.write_text(marked(told.program), encoding="utf-8")
    os.environ["LOCAL_OPENAI_API_KEY"] = "none"
    random.seed(told.seed)
    numpy.random.seed(told.seed % 2**32)
    runner = ShinkaEvolveRunner(
        EvolutionConfig(
            task_sys_msg=told.task,
            language=told.language,
            num_generations=told.proposals + 1,  # the start is generation 0
            llm_models=[f"local/{told.model}@{told.base_url}"],
            embedding_model=None,
            init_program_path=str(start),
            results_dir=str(told.folder / "results"),
        ),
        LocalJobConfig(eval_program_path=str(evaluator(told, _EVALUATE))),
        DatabaseConfig(db_path=str(told.folder / "programs.sqlite")),
        verbose=False,
        max_evaluation_jobs=1,
        max_proposal_jobs=1,
        max_db_workers=1,
    )
    asyncio.run(_until_refused(runner))


async def _until_refused(runner):
    task = asyncio.ensure_future(runner.run_async())
    end = _AtRefusal(asyncio.get_running_loop(), task)
    logging.getLogger("shinka").addHandler(end)
    try:
        await task
    except asyncio.CancelledError:
        if not end.refused:
            raise


class _AtRefusal(logging.Handler):
    """Cancels a task when a request was refused."""

    def __init__(self, loop, task):
        super().__init__(logging.WARNING)
        self.loop, self.task, self.refused = loop, task, False

    def emit(self, record):
        """Looks for the refusal in what is logged."""
        if SPENT in record.getMessage():
            self.refused = True
            self.loop.call_soon_threadsafe(self.task.cancel)


if __name__ == "__main__":
    play(run)
