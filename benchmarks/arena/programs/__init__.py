"""Tasks whose candidates are programs: each with a small start, and a scorer that runs it in a process of its own."""

from benchmarks.arena.programs import classification, filtering, instruction, minimization, packing, unchanging

_MODULES = (packing, minimization, filtering, instruction, classification, unchanging)
TASKS = {task.name: task for module in _MODULES for task in module.TASKS}
