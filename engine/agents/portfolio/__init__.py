"""What the search agent tries next: a start that covers the space, then members that each propose in a way of its own.

`rounds` is the entry: a round of proposals as a function of the harness, the probes so far and a seed.
"""
