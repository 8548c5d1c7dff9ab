"""A harness for LawBench that uses no language model: it scores every charge and answers the best.

`method` in params.toml says how the scores come about. As seeded that is `overlap`, which learns nothing; the other
methods learn from the training cases, once, in `prepare`.
"""

import charges
import methods
import numpy as np
import stacking
from features import Vectorizer


def prepare(ctx):
    """Reads the training cases and fits the chosen method; what it returns reaches `solve` as `ctx.prepared`."""
    cases = ctx.train()
    names = charges.Names(sorted({case.label for case in cases}))
    if ctx.params["method"] == "overlap":
        return names, None, None
    place = {label: number for number, label in enumerate(names.labels)}
    target = np.array([place[case.label] for case in cases])
    vectorizer = Vectorizer(ctx.params)
    learnt = vectorizer.fit([case.data for case in cases], target, len(names.labels))
    ctx.log(f"{learnt.shape[0]} cases, {len(names.labels)} charges, {learnt.shape[1]} n-grams")
    if ctx.params["method"] == "stack":
        told = np.array([names.tell(case.data) for case in cases])
        return names, vectorizer, stacking.fit(learnt, target, told, ctx.params)
    method = methods.fit(learnt, target, len(names.labels), ctx.params)
    weights = np.array([ctx.params["named"], ctx.params["shared"]])
    return names, vectorizer, lambda text, told: methods.standardise(method(text)) + told @ weights


def solve(instance, ctx):
    """The charge with the highest score; of equal ones the first in the order of the alphabet."""
    names, vectorizer, score = ctx.prepared
    facts = instance.data
    told = names.tell(facts)
    scores = names.overlap(facts) if score is None else score(vectorizer.transform(facts), told)
    order = np.argsort(-scores, kind="stable")
    ctx.log(", ".join(f"{names.labels[number]} {scores[number]:.3f}" for number in order[:5]))
    return names.labels[order[0]]
