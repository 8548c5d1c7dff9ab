"""The errors that a person may see: one plain sentence, and the remedy."""

from __future__ import annotations


class SiaError(Exception):
    """Something that the user can correct. Nothing was changed when it is raised."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy
