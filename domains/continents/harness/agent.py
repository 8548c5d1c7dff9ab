"""A harness for continents: one short prompt, and the continent that the reply names."""

from pathlib import Path

CONTINENTS = ["Africa", "Asia", "Europe", "North America", "Oceania", "South America"]
PROMPTS = Path(__file__).parent / "prompts"


def prepare(ctx):
    """The turns that every prompt begins with, and how a place is asked for."""
    params = ctx.params
    wording = (PROMPTS / f"{params['wording']}.md").read_text().strip()
    names = {"none": [], "alphabet": CONTINENTS, "reversed": CONTINENTS[::-1]}[params["labels"]]
    system = "Name the continent" + (f": {', '.join(names)}." if names else ".")
    turns = [{"role": "system", "text": system}]
    for case in _examples(ctx.train(), params["examples"]):
        turns += [{"text": wording.format(place=case.data)}, {"role": "assistant", "text": case.label}]
    return turns, wording


def solve(instance, ctx):
    """The continent that the model chooses, or the first that its reply names."""
    turns, wording = ctx.prepared
    messages = [*turns, {"text": wording.format(place=instance.data)}]
    choices = CONTINENTS if ctx.params["answer"] == "choices" else []
    reply = ctx.model.chat(messages, max_tokens=8, choices=choices)["text"]
    ctx.log(reply)
    named = [(reply.find(name), name) for name in CONTINENTS if name in reply]
    return min(named)[1] if named else reply.strip()


def _examples(cases, count):
    """The first case of each of `count` continents, so that no two examples have one answer."""
    first = {}
    for case in cases:
        first.setdefault(case.label, case)
    return list(first.values())[:count]
