"""The built-in domains: tasks with a grader.

A domain imports nothing of ours but the modules beside this file: `contract`, `atomic`, `cache`, `download`, `pip`,
`retry`. Never in one: code of another domain, or of the engine.
"""
