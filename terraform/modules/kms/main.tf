# A key, and which AWS services may use it on the account's behalf.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  suffix    = data.aws_partition.current.dns_suffix

  # Without it nobody could ever change the key again; what roles may do with it stands in their own policies.
  account_statement = {
    Sid       = "AccountDelegatesToIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  service_statements = {
    # As the key that AWS manages for DynamoDB does: whoever may use the table may use its key, through the table only.
    tables = {
      Sid       = "TablesOnBehalfOfTheirCallers"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = { StringEquals = {
        "kms:CallerAccount" = local.account
        "kms:ViaService"    = "dynamodb.${local.region}.${local.suffix}"
      } }
    }

    logs = {
      Sid       = "LogsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "logs.${local.region}.${local.suffix}" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = { ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*"
      } }
    }

    # No condition on account or source: EventBridge sends neither when it uses the key of an encrypted target, and
    # events would be lost. The queue's own policy names the rule.
    events = {
      Sid       = "EventsIntoEncryptedQueues"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
    }
  }

  # Through JSON: the statements differ in shape, and Terraform's conditionals and lists want one.
  statements = [for statement in concat(
    [jsonencode(local.account_statement)],
    [for service in sort(var.used_by) : jsonencode(local.service_statements[service])],
  ) : jsondecode(statement)]
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.this.key_id
}
