"""Composes songs of many styles, and learns from them the rhythms that the beat tracker knows."""
