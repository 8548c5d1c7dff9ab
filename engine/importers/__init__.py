"""Turns tasks written for other tools into domains: recognises them and copies them into the cache, unchanged.

Imports models and below. Never in it: running a task's code outside a sandbox.
"""
