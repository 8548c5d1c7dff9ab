"""What commands and the app share: options, output, progress, starting an engine process.

Imports the engine. Never in it: a command, or a widget.
"""
