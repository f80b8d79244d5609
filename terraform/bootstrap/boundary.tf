# The most that any role made by CI can ever do: what Tonearm's functions and state machines need, on what carries
# Tonearm's name. It grants nothing by itself.

locals {
  named = {
    dynamodb = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.prefix}*"]
    lambda   = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.prefix}*"]
    layers   = ["arn:${local.partition}:lambda:${local.region}:${local.account}:layer:${var.prefix}*"]
    logs = [
      "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.prefix}*",
      "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/apigateway/${var.prefix}*",
      "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/vendedlogs/states/${var.prefix}*",
    ]
    s3     = ["arn:${local.partition}:s3:::${var.prefix}*"]
    sns    = ["arn:${local.partition}:sns:${local.region}:${local.account}:${var.prefix}*"]
    sqs    = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.prefix}*"]
    events = ["arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.prefix}*"]
    states = [
      "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.prefix}*",
      "arn:${local.partition}:states:${local.region}:${local.account}:execution:${var.prefix}*",
    ]
    roles = ["arn:${local.partition}:iam::${local.account}:role/${var.prefix}*"]
    keys  = ["arn:${local.partition}:kms:${local.region}:${local.account}:key/*"]
  }

  state_objects = ["${module.state.arn}/*"]
}

resource "aws_iam_policy" "boundary" {
  name        = "${var.prefix}-ci-boundary"
  description = "The most that a role made by Tonearm's CI can do"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Rows"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
          "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
        ]
        Resource = local.named.dynamodb
      },
      {
        Sid    = "Objects"
        Effect = "Allow"
        Action = [
          "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion",
          "s3:ListBucket", "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutObject",
        ]
        Resource = local.named.s3
      },
      {
        # The states hold every stack's description: nothing that runs has business there.
        Sid      = "NotTheStates"
        Effect   = "Deny"
        Action   = "s3:*"
        Resource = concat([module.state.arn], local.state_objects)
      },
      {
        Sid    = "Messages"
        Effect = "Allow"
        Action = [
          "sns:Publish", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
          "sqs:ReceiveMessage", "sqs:SendMessage",
        ]
        Resource = concat(local.named.sns, local.named.sqs)
      },
      {
        Sid      = "Work"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction", "states:DescribeExecution", "states:StartExecution", "states:StopExecution"]
        Resource = concat(local.named.lambda, local.named.states)
      },
      {
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.named.keys
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for arn in local.named.logs : "${arn}:*"]
      },
      {
        # The delivery API of the logs and X-Ray know no resources.
        Sid    = "DeliveryAndTraces"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
          "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
        ]
        Resource = "*"
      },
    ]
  })
}
