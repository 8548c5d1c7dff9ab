from pathlib import Path


def solve(instance, ctx):
    factor = int(Path(ctx.folders["given"], "factor.txt").read_text())
    return {"verified": factor * instance.data["answer"]["value"]}
