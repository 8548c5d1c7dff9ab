# EVOLVE-BLOCK-START
def guess(x: float) -> float:
    return x


# EVOLVE-BLOCK-END
