"""Who proposes: agents read a recorded run and answer with a lever, a reason and a proposal."""
