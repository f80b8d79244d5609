"""Certify render: measure the encoded file against what its recipe promises."""
