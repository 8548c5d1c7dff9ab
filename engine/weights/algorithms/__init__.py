"""The paper's six algorithms, each with its formula and source: how rewards become advantages, weights or pairs."""
