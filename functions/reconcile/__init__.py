"""Reconcile: make the rows agree with what really happened."""
