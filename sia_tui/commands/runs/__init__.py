"""Start runs, control them, branch from them.

Imports what `commands` imports; `child_run`, `control`, `dry_run`, `local_engine` and `watch` serve several commands.
Never in it: what a run does next, which `engine.core.decide` alone says.
"""
