"""The built-in domains: tasks with a grader.

A domain imports nothing of ours but `domains.contract` and the modules here. Never in one: code of another domain, or
of the engine.
"""
