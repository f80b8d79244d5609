# A team's shared stack: real AWS, content that may be lost.
environment          = "dev"
region               = "eu-west-1"
protect_data         = false
log_level            = "DEBUG"
log_retention_days   = 14
track_retention_days = 14
