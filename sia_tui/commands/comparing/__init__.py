"""What changed between candidates and between runs.

Imports what `commands` imports; `diffs`, `what_if` and `ablation` serve `diff` and `compare`. Never in it: how a
comparison is computed, which is in `engine.queries`, or how runs are made for an ablation, which is in `engine.loop`.
"""
