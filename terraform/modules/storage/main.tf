# Where audio lies: uploads (raw, expiring), media (renders, analyses, certificates) and the access logs of both.

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  names = { for kind in ["uploads", "media", "access-logs"] :
    kind => "${var.prefix}-${kind}-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}"
  }

  # The sweeper deletes at `expires_at`; S3 only sweeps up what it missed, so never before it.
  backstop_days = var.track_retention_days + 7
}

module "access_logs" {
  source = "../bucket"

  name            = local.names["access-logs"]
  force_destroy   = var.force_destroy
  plaintext_from  = var.plaintext_from
  expire          = { prefix = "", days = var.access_log_retention_days }
  noncurrent_days = 1

  service_grants = {
    ServerAccessLogs = { service = "logging.s3.amazonaws.com", actions = ["s3:PutObject"] }
  }
}

module "uploads" {
  source = "../bucket"

  name           = local.names["uploads"]
  kms_key_arn    = var.kms_key_arn
  force_destroy  = var.force_destroy
  plaintext_from = var.plaintext_from
  access_logs    = { bucket = module.access_logs.name, prefix = "uploads/" }
  cors           = { origins = var.web_origins, methods = ["POST"] }
  expire         = { prefix = "uploads/", days = local.backstop_days }
  eventbridge    = true
}

module "media" {
  source = "../bucket"

  name           = local.names["media"]
  kms_key_arn    = var.kms_key_arn
  force_destroy  = var.force_destroy
  plaintext_from = var.plaintext_from
  access_logs    = { bucket = module.access_logs.name, prefix = "media/" }
  cors           = { origins = var.web_origins, methods = ["GET"] }
  expire         = { prefix = "media/", days = local.backstop_days }
}
