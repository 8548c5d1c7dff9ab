"""The loop: decide, perform, append; starting an engine, its control socket, approval, forks, ablation.

Imports steps, evaluation, run, core and below; neither queries nor checkout. Never in it: what a step does, or anything
for a screen.
"""
