"""The loop: state is folded from events, `decide` says what comes next, `run` performs it and appends."""
