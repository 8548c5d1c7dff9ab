"""The search of a program's structure: changes of what the search agent executes, beside changes of its numbers.

Pure: what is proposed depends on the recorded probes and the run's seed alone.
"""
