"""A harness for LawBench that asks a language model: as seeded with all charges in the prompt and nothing learnt.

`candidates` and `examples` in params.toml bring in similar training cases: a shorter list of charges to choose from,
which is re-ranking what the retrieval finds, and cases with their charges to go by.
"""

from pathlib import Path

import answers
import retrieval

LOOKUPS = 4
PROMPTS = Path(__file__).parent / "prompts"


def prepare(ctx):
    """The charges, the prompts, and an index of the training cases where one is needed."""
    cases = ctx.train()
    charges = sorted({case.label for case in cases})
    prompts = {path.stem: path.read_text().strip() for path in PROMPTS.glob("*.md")}
    wanted = ctx.params["candidates"] or ctx.params["examples"]
    return charges, prompts, retrieval.Index(cases) if wanted else None


def solve(instance, ctx):
    """The charge that the model names, or the candidate that it finds most likely."""
    charges, prompts, index = ctx.prepared
    most, letters = ctx.params["candidates"], ctx.params["letters"]
    similar = index.similar(instance.data) if index else []
    if most:
        charges = retrieval.labels(similar, most) or charges
    examples = [f"例：{case.data[:letters]}\n罪名是：{case.label}" for case, _ in similar[: ctx.params["examples"]]]
    prompt = prompts["case"].format(
        charges="、".join(charges) if most == 0 else "\n".join(charges),
        examples="".join(f"\n{example}\n" for example in examples),
        facts=instance.data[:letters],
    )
    if ctx.params["judge"] == "score":
        logprobs = ctx.model.score(f"{prompts['system']}\n\n{prompt}", charges)
        return max(zip(logprobs, charges, strict=True), key=lambda pair: pair[0])[1]
    messages = [{"role": "system", "text": prompts["system"]}, {"role": "user", "text": prompt}]
    reply = look_up(ctx, messages) if ctx.params["judge"] == "look up" else ctx.model.chat(messages, max_tokens=64)
    ctx.log(reply["text"])
    return answers.charge(reply["text"], charges)


def look_up(ctx, messages):
    """The reply of a model that may first search the training cases and the names of the charges."""
    for _ in range(LOOKUPS):
        reply = ctx.model.chat(messages, max_tokens=512, tools=ctx.tools.all)
        if not reply["calls"]:
            return reply
        messages = messages + ctx.tools.answers(reply)
    return ctx.model.chat(messages, max_tokens=512, tools=ctx.tools.all)
