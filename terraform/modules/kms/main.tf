# The one key that encrypts what users own: objects, rows, messages, logs.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  suffix    = data.aws_partition.current.dns_suffix

  statements = [
    {
      # Without it nobody could ever change the key again; what roles may do stands in their own policies.
      Sid       = "AccountDelegatesToIam"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    },
    {
      # As the key that AWS manages for DynamoDB does: whoever may use the table may use its key through the table only.
      Sid       = "TablesOnBehalfOfTheirCallers"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:CreateGrant"]
      Resource  = "*"
      Condition = { StringEquals = {
        "kms:CallerAccount" = local.account
        "kms:ViaService"    = "dynamodb.${local.region}.${local.suffix}"
      } }
    },
    {
      Sid       = "LogsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "logs.${local.region}.${local.suffix}" }
      Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
      Resource  = "*"
      Condition = { ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*"
      } }
    },
    {
      Sid       = "EventsAndTopicsIntoEncryptedQueues"
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "sns.amazonaws.com"] }
      Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    },
  ]
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
