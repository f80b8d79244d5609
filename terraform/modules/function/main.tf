# One Lambda function with its own role, log group and, where events reach it asynchronously, its own dead-letter queue.
# Callers use the alias `live`, so that a new version takes over in one step.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  full_name  = "${var.prefix}-${replace(var.name, "_", "-")}"
  is_zip     = var.zip != null
  is_async   = var.asynchronous != null
  zip_exists = try(fileexists(var.zip.path), false)

  log_group_name = "/aws/lambda/${local.full_name}"
  log_group_arn  = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group_name}"
  dlq_name       = "${local.full_name}-dlq"
  dlq_arn        = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.dlq_name}"

  own_statements = merge(
    {
      OwnLogs = { actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = ["${local.log_group_arn}:*"], conditions = [] }
      # X-Ray knows no resources: "*" is the only value that AWS accepts here.
      Traces = { actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], resources = ["*"], conditions = [] }
    },
    !local.is_async ? {} : {
      OwnDeadLetters = { actions = ["sqs:SendMessage"], resources = [local.dlq_arn], conditions = [] }
      OwnDeadLettersKey = {
        actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources  = [var.kms_key_arn]
        conditions = [{ test = "StringEquals", variable = "kms:ViaService", values = ["sqs.${local.region}.${data.aws_partition.current.dns_suffix}"] }]
      }
    },
  )

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for sid, statement in merge(var.statements, local.own_statements) : merge(
      { Sid = sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources },
      length(statement.conditions) == 0 ? {} : { Condition = { for test in distinct(statement.conditions[*].test) :
        test => { for condition in statement.conditions : condition.variable => condition.values if condition.test == test }
      } },
    )]
  })
}

resource "aws_iam_role" "this" {
  name                 = local.full_name
  description          = "Lambda function ${local.full_name}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "least-privilege"
  role   = aws_iam_role.this.name
  policy = local.policy
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sqs_queue" "dead_letters" {
  count = local.is_async ? 1 : 0

  name                      = local.dlq_name
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  function_name = local.full_name
  description   = var.description
  role          = aws_iam_role.this.arn
  architectures = ["x86_64"]
  memory_size   = var.memory_mb
  timeout       = var.timeout_seconds
  publish       = true

  package_type     = local.is_zip ? "Zip" : "Image"
  runtime          = local.is_zip ? var.zip.runtime : null
  handler          = local.is_zip ? var.handler : null
  layers           = local.is_zip ? var.zip.layer_arns : null
  filename         = local.is_zip ? var.zip.path : null
  source_code_hash = local.is_zip && local.zip_exists ? filebase64sha256(var.zip.path) : null
  image_uri        = var.image_uri

  dynamic "image_config" {
    for_each = local.is_zip ? [] : [var.handler]

    content {
      command = [image_config.value]
    }
  }

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "dead_letter_config" {
    for_each = aws_sqs_queue.dead_letters

    content {
      target_arn = dead_letter_config.value.arn
    }
  }

  # AWS checks at creation that the role may write to the dead-letter queue.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    precondition {
      condition     = local.is_zip != (var.image_uri != null)
      error_message = "Function ${local.full_name} needs exactly one of `zip` and `image_uri`."
    }

    precondition {
      condition     = !local.is_zip || local.zip_exists
      error_message = "${try(var.zip.path, "")} does not exist. Build the packages first (make build), or point artifacts_dir at the folder that holds them."
    }
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that callers use"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = local.is_async ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = var.asynchronous.retries
  maximum_event_age_in_seconds = var.asynchronous.max_age_seconds
}
