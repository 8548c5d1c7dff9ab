"""Agents that improve a harness: they read a recorded run and return a lever, a reason and a proposal.

Imports models, weights, events and harness_repo. Never in it: an effect. Effects belong to an agent's `AgentTools`.
"""
