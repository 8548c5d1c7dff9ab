"""The loop: decide, perform, append; starting an engine, its control socket, approval, forks, ablation.

Imports steps, queries, checkout and below. Never in it: what a step does, or anything for a screen.
"""
