"""The laptop stack."""
