"""Who proposes: agents read a recorded run and answer with a lever, a reason and a proposal.

Imports models, weights, events and harness_repo. Never in it: an effect. What an agent wants done, its desk does.
"""
