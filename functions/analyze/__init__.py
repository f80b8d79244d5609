"""Analyze tempo and duration: afterwards the Track is ready."""
