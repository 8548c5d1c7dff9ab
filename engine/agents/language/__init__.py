"""Agents that are language models: Meta-Agent and Feedback-Agent, their conversation, tools and prompts.

Imports `engine.agents.protocol` and below. Never in it: a label of val or test, or an append to a log.
"""
