"""The user interface: the `sia` command (`commands`), the terminal app (`app`), and what both use (`cli`).

Imports the engine and harness_repo. Never in it: what a run does next, or a SQL statement that is sent.
"""

from sia_tui.import_path import leave_out_current_folder

leave_out_current_folder()
