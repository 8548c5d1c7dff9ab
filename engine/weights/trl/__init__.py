"""TRL's trainers behind the interface that our own loop implements.

Imports weights, models and below, and TRL; only the training process imports it.
"""
