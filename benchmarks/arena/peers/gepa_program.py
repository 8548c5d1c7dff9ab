"""GEPA's `optimize_anything` with its defaults: the program is the text that it reflects on, one proposal at a time."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else a list of prices is fetched from the network at the import

from gepa.optimize_anything import EngineConfig, GEPAConfig, ReflectionConfig, optimize_anything
from program_protocol import play, score


def run(told):
    """Optimizes the program that the arena told of."""

    def evaluate(candidate):
        value, error = score(told.score_url, candidate)
        return value, {"Score": value, **({"Error": error} if error else {})}

    engine = EngineConfig(
        run_dir=str(told.folder / "run"),
        seed=told.seed,
        max_candidate_proposals=told.proposals,
        parallel=False,
        max_workers=1,
    )
    reflection = ReflectionConfig(
        reflection_lm=f"openai/{told.model}",
        reflection_lm_kwargs={"api_base": told.base_url, "api_key": "none", "num_retries": 0},
    )
    optimize_anything(
        told.program, evaluator=evaluate, objective=told.task, config=GEPAConfig(engine=engine, reflection=reflection)
    )


if __name__ == "__main__":
    play(run)
