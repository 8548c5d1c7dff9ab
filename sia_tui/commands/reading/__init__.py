"""Look at runs; `playback` serves `replay`.

Imports what `commands` imports. Never in it: a change of the workspace. `show --plots` writes pictures into a folder
that the user names.
"""
