"""Notify owner, and Record failure: the job ends, and the world is told once."""
