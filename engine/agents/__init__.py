"""Agents that improve a harness: they read a recorded run and return a lever, a reason and a proposal.

Imports weights, models, events, harness_repo, the domain contract, seeds and errors. Never in it: an effect. Effects
belong to an agent's `AgentTools`.
"""
