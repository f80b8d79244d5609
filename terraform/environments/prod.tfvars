# What users rely on.
environment           = "prod"
region                = "eu-west-1"
protect_data          = true
log_level             = "INFO"
log_retention_days    = 365
track_retention_days  = 30
self_sign_up          = true
api_throttle          = { rate = 200, burst = 400 }
start_job_concurrency = 50
