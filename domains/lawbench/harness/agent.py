"""A harness for LawBench that uses no language model: it scores every charge and answers the best.

`method` in params.toml says how the scores come about. As seeded that is `overlap`, which learns nothing; the other
methods learn from the training cases, once, in `prepare`.
"""

import charges
import methods
import numpy as np
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
    return names, vectorizer, methods.fit(learnt, target, len(names.labels), ctx.params)


def solve(instance, ctx):
    """The charge with the highest score; of equal ones the first in the order of the alphabet."""
    names, vectorizer, method = ctx.prepared
    facts = instance.data
    if method is None:
        scores = names.overlap(facts)
    else:
        scores = methods.standardise(method(vectorizer.transform(facts)))
        scores = scores + ctx.params["named"] * names.named(facts) + ctx.params["shared"] * names.overlap(facts)
    order = np.argsort(-scores, kind="stable")
    ctx.log(", ".join(f"{names.labels[number]} {scores[number]:.3f}" for number in order[:5]))
    return names.labels[order[0]]
