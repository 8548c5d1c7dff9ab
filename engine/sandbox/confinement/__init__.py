"""What is visible in a sandbox and which system calls it may make: arguments for bubblewrap, and a filter.

Imports the domains' cache (a folder to hide) and nothing of the sandbox. Never in it: a process.
"""
