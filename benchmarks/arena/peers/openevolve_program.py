"""OpenEvolve with its defaults: one iteration is one proposal, and its first evaluation is that of the start."""

import contextlib

from openevolve import run_evolution
from openevolve.config import Config, EvaluatorConfig, LLMConfig, PromptConfig
from openevolve.controller import EvolutionFailedError
from program_protocol import evaluator, marked, play

_EVALUATE = """
from openevolve.evaluation_result import EvaluationResult


def evaluate(program_path):
    value, error = score(SCORE_URL, open(program_path, encoding="utf-8").read())
    return EvaluationResult({"combined_score": value}, {"error": error} if error else {})
"""


def run(told):
    """Evolves the program that the arena told of."""
    start = told.folder / "start.py"
    start.write_text(marked(told.program), encoding="utf-8")
    config = Config(
        max_iterations=told.proposals,
        random_seed=told.seed % 2**31,
        language=told.language,
        llm=LLMConfig(primary_model=told.model, api_base=told.base_url, api_key="none", retries=0),
        prompt=PromptConfig(system_message=told.task),
        evaluator=EvaluatorConfig(parallel_evaluations=1),
    )
    judge = evaluator(told, _EVALUATE)
    with contextlib.suppress(EvolutionFailedError):  # it made all its iterations, and no program came of them
        run_evolution(str(start), str(judge), config, output_dir=str(told.folder / "output"), cleanup=False)


if __name__ == "__main__":
    play(run)
