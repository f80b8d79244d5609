"""Tonearm: the domain, its use cases and its AWS adapters."""
