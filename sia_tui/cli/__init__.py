"""What commands share: options, tables, progress, engine processes, attaching, playback.

Imports the engine. Never in it: a command, or a widget.
"""
