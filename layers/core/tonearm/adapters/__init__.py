"""One outside thing a file: what the ports are in AWS."""
