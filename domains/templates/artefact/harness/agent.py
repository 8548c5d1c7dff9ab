"""Fills one day after another; if shifts stay empty it tries again with some randomness in its choices."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def solve(instance, ctx):
    best, least = [], None
    for attempt in range(ctx.params["tries"]):
        rota, missing = filled(instance.data, ctx.params, ctx.rng if attempt else None)
        if least is None or missing < least:
            best, least = rota, missing
        if not least:
            break
    ctx.log("shifts without anybody:", least)
    return "\n".join(f"{day},{name}" for day, name in best)


def filled(data, params, rng):
    """A rota as (day, name) pairs, and the number of shifts without anybody."""
    working = {name: [] for name in data["people"]}
    rota, missing = [], 0
    for at, day in enumerate(DAYS):
        able = [name for name in working if can(name, at, working, data, params)]
        if rng:
            rng.shuffle(able)
        able.sort(key=lambda name: priority(name, at, working, data, params))
        chosen = able[: data["shifts"][day]]
        missing += data["shifts"][day] - len(chosen)
        for name in chosen:
            working[name].append(at)
            rota.append((day, name))
    return rota, missing


def can(name, at, working, data, params):
    """Whether that person may work on that day."""
    days = working[name]
    tired = params["mind_rows"] and at - 1 in days and at - 2 in days
    return DAYS[at] not in data["people"][name] and len(days) < data["most"] and not tired


def priority(name, at, working, data, params):
    """People with a smaller value come first; equal values keep their order."""
    if params["prefer"] == "least_busy":
        return len(working[name])
    if params["prefer"] == "least_free":
        return sum(DAYS[later] not in data["people"][name] for later in range(at, len(DAYS))) - len(working[name])
    return 0
