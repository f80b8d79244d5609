# From an upload to the end of its job: S3 event → queue → `start_job` → state machine → `reconcile`.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  name = "${var.prefix}-process-track"

  definition = templatefile(var.definition_path, merge(
    { partition = data.aws_partition.current.partition },
    { for step, function in var.steps : "${step}_function_arn" => function.alias_arn },
  ))

  invoke_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "InvokeTheStepsOnly"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = [for function in var.steps : function.alias_arn]
      },
      {
        # CloudWatch's delivery API and X-Ray know no resources: AWS documents "*" for both.
        Sid    = "DeliverLogsAndTraces"
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

# ------------------------------------------------------------------ state machine

resource "aws_iam_role" "state_machine" {
  name                 = local.name
  description          = "State machine ${local.name}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "state_machine" {
  name   = "least-privilege"
  role   = aws_iam_role.state_machine.name
  policy = local.invoke_policy
}

resource "aws_cloudwatch_log_group" "state_machine" {
  name              = "/aws/vendedlogs/states/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sfn_state_machine" "process_track" {
  name       = local.name
  role_arn   = aws_iam_role.state_machine.arn
  type       = "STANDARD"
  definition = local.definition

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  depends_on = [aws_iam_role_policy.state_machine]
}

# ------------------------------------------------------------------ an upload arrives

resource "aws_cloudwatch_event_rule" "upload_arrived" {
  name        = "${var.prefix}-upload-arrived"
  description = "An object was written under uploads/"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.uploads_bucket] }
      object = { key = [{ prefix = "uploads/" }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "jobs_queue" {
  rule = aws_cloudwatch_event_rule.upload_arrived.name
  arn  = var.jobs_queue.arn

  dead_letter_config {
    arn = var.jobs_queue.dead_letters_arn
  }
}

resource "aws_lambda_event_source_mapping" "start_job" {
  event_source_arn        = var.jobs_queue.arn
  function_name           = var.start_job.alias_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.start_job_concurrency
  }
}

# ------------------------------------------------------------------ every job gets its end

resource "aws_cloudwatch_event_rule" "execution_ended" {
  name        = "${var.prefix}-execution-ended"
  description = "An execution of ${local.name} ended, by whatever way"

  event_pattern = jsonencode({
    source        = ["aws.states"]
    "detail-type" = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [aws_sfn_state_machine.process_track.arn]
      status          = ["ABORTED", "FAILED", "SUCCEEDED", "TIMED_OUT"]
    }
  })
}

resource "aws_cloudwatch_event_rule" "reconcile_schedule" {
  name                = "${var.prefix}-reconcile-schedule"
  description         = "Compare rows, executions and objects: end events alone do not reach every job"
  schedule_expression = var.reconcile_schedule
}

locals {
  reconcile_rules = {
    execution-ended = { name = aws_cloudwatch_event_rule.execution_ended.name, arn = aws_cloudwatch_event_rule.execution_ended.arn }
    schedule        = { name = aws_cloudwatch_event_rule.reconcile_schedule.name, arn = aws_cloudwatch_event_rule.reconcile_schedule.arn }
  }
}

resource "aws_cloudwatch_event_target" "reconcile" {
  for_each = local.reconcile_rules

  rule = each.value.name
  arn  = var.reconcile.alias_arn

  # The target is of use only once the rule may invoke the function.
  depends_on = [aws_lambda_permission.reconcile]
}

resource "aws_lambda_permission" "reconcile" {
  for_each = local.reconcile_rules

  statement_id  = "rule-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = var.reconcile.name
  qualifier     = var.reconcile.alias_name
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
}
