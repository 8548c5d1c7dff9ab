"""Tasks whose candidates are programs: each with a small start, and a scorer that runs it in a process of its own."""

from benchmarks.arena.programs import minimization, packing

TASKS = {task.name: task for module in (packing, minimization) for task in module.TASKS}
