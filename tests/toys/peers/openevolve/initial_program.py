"""Guesses where a parabola is lowest."""

# EVOLVE-BLOCK-START
import random


def search(steps=20, width=8.0):
    best = random.uniform(-width, width)
    for _ in range(steps):
        x = random.uniform(-width, width)
        if height(x) < height(best):
            best = x
    return best


# EVOLVE-BLOCK-END


def height(x):
    return (x - 1.5) ** 2
