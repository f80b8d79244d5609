# What must stand before the first stack of an account: the bucket of the states, the registry of the images, and the
# roles of CI. Applied once, by hand, by an administrator; its own state is small and stays with them:
#   terraform -chdir=terraform/bootstrap init && terraform -chdir=terraform/bootstrap apply

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  suffix    = data.aws_partition.current.dns_suffix
}

module "kms" {
  source = "../modules/kms"

  alias       = "${var.prefix}-bootstrap"
  description = "Tonearm ${var.prefix}: Terraform states and images"
  used_by     = []
}

module "state" {
  source = "../modules/bucket"

  name            = "${var.prefix}-state-${local.account}-${local.region}"
  kms_key_arn     = module.kms.arn
  noncurrent_days = 365
  force_destroy   = false
  plaintext_from  = var.plaintext_from
}
