"""The widgets of the main screen: a list, the three panes that are lists, and the bars around them.

Each draws what the navigator says. Never in it: what a key does.
"""
