"""The screens: the main one, and those that ask the user something and return the answer.

Imports widgets, navigator, rows, model, keys, cli and the engine. Never in it: what a key of the main screen does.
"""
