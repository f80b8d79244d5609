"""Values, states and rules: no I/O and no AWS."""
