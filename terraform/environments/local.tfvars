# One laptop, on the emulator. docs/limits.md says why its four switches differ: these two, and the origins at the end.
emulator       = true
plaintext_from = ["127.0.0.0/8"]

environment          = "local"
region               = "us-east-1"
protect_data         = false
log_level            = "INFO"
log_retention_days   = 7
track_retention_days = 30

# Of the default ports; `tonearm stack` sets those of its own stack in their place.
extra_web_origins = ["http://127.0.0.1:8080", "http://localhost:8080"]
emulator_origin   = "http://127.0.0.1:4566"
