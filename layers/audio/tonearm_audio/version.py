"""The engine's version, in a place that imports nothing."""

ENGINE_VERSION = "2"
"""Raised whenever the same source and operations would give other samples or other figures."""
