"""Guesses, looks x up in what it has seen, or knows the rule for as many tenths of all x as its skill says."""


def prepare(ctx):
    return {case.data: case.label for case in ctx.train()}


def solve(instance, ctx):
    x = instance.data
    ctx.log("method", ctx.params["method"])
    if ctx.params["method"] == "guess":
        return 0
    if ctx.params["method"] == "table":
        return ctx.prepared.get(x, 1)
    return 7 * x % 10 if (x * 37) % 10 < ctx.params["skill"] else None
