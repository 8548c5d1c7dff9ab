"""Methods of search compared at equal budgets: tasks x methods x seeds, every finished cell one line of a journal.

python -m benchmarks.arena --out DIR [--tasks ...] [--methods ...] [--seeds N] [--budget N ...] [--jobs N]
python -m benchmarks.arena --out DIR --tasks program-tasks [--server URL --model NAME]
python -m benchmarks.arena list
"""
