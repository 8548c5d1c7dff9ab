"""Learns labels from pieces of text: naive Bayes on their counts, or a vote of the most similar texts."""

import math
from collections import Counter


def prepare(ctx):
    """Counts the pieces of each training text."""
    return [(pieces(case.data, ctx.params), case.label) for case in ctx.train()]


def solve(instance, ctx):
    labels = sorted({label for _, label in ctx.prepared})
    if ctx.params["method"] == "first":
        return labels[0]
    weigh = bayes if ctx.params["method"] == "bayes" else neighbours
    scores = weigh(pieces(instance.data, ctx.params), ctx.prepared, ctx.params)
    ctx.log(scores)
    return max(labels, key=lambda label: scores.get(label, -math.inf))


def pieces(text, params):
    """The runs of one to `length` words, or letters, in a text."""
    parts = text.lower().split() if params["pieces"] == "words" else list(text.lower())
    sizes = range(1, params["length"] + 1)
    return Counter(tuple(parts[at : at + size]) for size in sizes for at in range(len(parts) - size + 1))


def bayes(counted, known, params):
    """The log-likelihood of each label, by multinomial naive Bayes."""
    seen, frequent = {}, Counter(label for _, label in known)
    for counts, label in known:
        seen.setdefault(label, Counter()).update(counts)
    every = len(set().union(*seen.values()))
    scores = {}
    for label, counts in seen.items():
        total = math.log(sum(counts.values()) + params["smoothing"] * every)
        scores[label] = math.log(frequent[label])
        for piece, times in counted.items():
            scores[label] += times * (math.log(counts[piece] + params["smoothing"]) - total)
    return scores


def neighbours(counted, known, params):
    """For each label, the summed cosine similarity of its texts among the k nearest."""
    own = math.sqrt(sum(times**2 for times in counted.values()))
    alike = []
    for counts, label in known:
        size = math.sqrt(sum(times**2 for times in counts.values()))
        shared = sum(times * counts[piece] for piece, times in counted.items())
        alike.append((shared / (own * size or 1.0), label))
    votes = Counter()
    for cosine, label in sorted(alike, reverse=True)[: params["k"]]:
        votes[label] += cosine
    return votes
