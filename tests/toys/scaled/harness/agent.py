from pathlib import Path


def solve(instance, ctx):
    given = int(Path(ctx.folders["given"], "number.txt").read_text())
    return {"value": instance.data + given, "learnt": len(ctx.train())}
