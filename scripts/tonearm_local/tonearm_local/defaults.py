"""What a stack is called and where it listens unless somebody says otherwise; nothing heavy is loaded for it."""

DEFAULT_NAME = "main"
DEFAULT_PORT = 4566
DEFAULT_EDGE_PORT = 8080
