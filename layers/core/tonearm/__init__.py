"""Tonearm: the domain, its use cases and its AWS adapters."""

__version__ = "0.1.0"
