"""Programs that are measured, each run in a process of its own; a peer's runs in the peers' environment."""
