# A queue with its dead-letter queue. Only the named AWS services may send, and only on behalf of the named sources.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Built, not read, so that each queue carries its policy from its first second: a separate policy resource makes
  # the provider wait half a minute more for each.
  arn_base = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  arn      = "${local.arn_base}:${var.name}"

  # Senders also put what they could not deliver into the dead-letter queue.
  policies = { for queue, arn in { this = local.arn, dead_letters = "${local.arn}-dlq" } : queue => length(var.senders) == 0 ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [for sid, sender in var.senders : {
      Sid       = sid
      Effect    = "Allow"
      Principal = { Service = sender.service }
      Action    = "sqs:SendMessage"
      Resource  = arn
      Condition = {
        ArnEquals    = { "aws:SourceArn" = sender.source_arns }
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
      }
    }]
  }) }
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dlq"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
  policy                    = local.policies.dead_letters

  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [local.arn] })
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = var.retention_seconds
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.kms_key_arn
  policy                     = local.policies.this
}

# Apart from the queue, so that both queues are made at once: the provider waits half a minute for each.
resource "aws_sqs_queue_redrive_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receives
  })
}
