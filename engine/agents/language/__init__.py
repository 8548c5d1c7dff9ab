"""Agents that are language models: Meta-Agent and Feedback-Agent, their conversation, tools and prompts.

Imports `agents.protocol`, `agents.run_record` and what `agents` imports. Never in it: a label of val or test, or an
append to a log.
"""
