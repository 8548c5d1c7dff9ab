"""From what a model wrote to one of the charges."""

import difflib


def charge(text, charges):
    """The longest charge that `text` names, else the one that is spelt most like it."""
    plain = text.strip().strip("。.\"'“”")
    named = [one for one in charges if one in plain]
    if named:
        return max(named, key=len)
    plain = plain.removesuffix("罪")
    return max(charges, key=lambda one: difflib.SequenceMatcher(None, plain, one).ratio())
