"""The paper's six algorithms, each with its formula and its source: what a reward makes of a sample."""
