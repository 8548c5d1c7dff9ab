"""Puts each thing into a box where it fits; with `tries` above 1 it repeats that with slightly different orders."""


def solve(instance, ctx):
    sizes, capacity = instance.data["sizes"], instance.data["capacity"]
    order = list(range(len(sizes)))
    if ctx.params["order"] != "given":
        order.sort(key=lambda thing: sizes[thing], reverse=ctx.params["order"] == "descending")
    best = pack(order, sizes, capacity, ctx.params["rule"])
    for _ in range(ctx.params["tries"] - 1):
        other = shuffled(order, ctx.params["swaps"], ctx.rng)
        packed = pack(other, sizes, capacity, ctx.params["rule"])
        if len(packed) <= len(best):
            best, order = packed, other
    ctx.log("boxes", len(best))
    return best


def pack(order, sizes, capacity, rule):
    """Boxes of things, filled in the given order."""
    boxes, room = [], []
    for thing in order:
        fitting = [at for at, left in enumerate(room) if left >= sizes[thing]]
        if rule == "last":
            fitting = [at for at in fitting if at == len(boxes) - 1]
        if not fitting:
            boxes.append([thing])
            room.append(capacity - sizes[thing])
            continue
        at = chosen(fitting, room, rule)
        boxes[at].append(thing)
        room[at] -= sizes[thing]
    return boxes


def chosen(fitting, room, rule):
    """The box to use among those where the thing fits."""
    if rule == "fullest":
        return min(fitting, key=lambda at: room[at])
    if rule == "emptiest":
        return max(fitting, key=lambda at: room[at])
    return fitting[0]


def shuffled(order, swaps, rng):
    """The order with some pairs of neighbours exchanged."""
    other = list(order)
    for _ in range(swaps):
        at = rng.randrange(len(other) - 1)
        other[at], other[at + 1] = other[at + 1], other[at]
    return other
