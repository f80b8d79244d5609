"""What can go wrong with the laptop stack, each told in one line with its mend."""

from __future__ import annotations


class StackError(Exception):
    """Something a person can mend: the message says what, and how."""
