"""Composes songs whose beats are known, and teaches the network of the beat tracker with them."""
