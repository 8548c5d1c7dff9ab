"""The widgets of the main screen: a list, the three panes that are lists, and the bars around them.

Each draws what the navigator says. Imports pages, navigator, rows, model, keys, cli and the engine. Never in it: what a
key does.
"""
