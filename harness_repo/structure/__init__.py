"""Changes of a program's structure: each changes one thing, parses, and is told by one sentence.

Pure functions of the program's text. Nothing of the program is executed here.
"""
