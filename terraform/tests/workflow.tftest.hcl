# From an upload to the end of its job. The emulator enforces neither roles nor rights of its targets.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  prefix             = "t"
  definition_path    = "../statemachines/process_track.asl.json"
  uploads_bucket     = "t-uploads"
  log_retention_days = 14
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  jobs_queue         = { arn = "arn:aws:sqs:eu-west-1:111122223333:t-jobs", dead_letters_arn = "arn:aws:sqs:eu-west-1:111122223333:t-jobs-dlq" }
  start_job          = { alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-start-job:live" }
  reconcile          = { name = "t-reconcile", alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-reconcile:live", alias_name = "live" }
  steps = {
    validate  = { alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-validate:live" }
    analyze   = { alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-analyze:live" }
    transform = { alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-transform:live" }
    certify   = { alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-certify:live" }
    notify    = { alias_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-notify:live" }
  }
}

run "an_upload_reaches_start_job_through_the_queue" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.upload_arrived.event_pattern) == {
      source        = ["aws.s3"]
      "detail-type" = ["Object Created"]
      detail        = { bucket = { name = ["t-uploads"] }, object = { key = [{ prefix = "uploads/" }] } }
    }
    error_message = "The rule does not match new objects under uploads/ of the uploads bucket, or matches others."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_event_target.jobs_queue.arn == var.jobs_queue.arn,
      aws_cloudwatch_event_target.jobs_queue.rule == "t-upload-arrived",
      aws_cloudwatch_event_target.jobs_queue.dead_letter_config[0].arn == var.jobs_queue.dead_letters_arn,
    ])
    error_message = "Uploads do not go to the queue, or an event that cannot is lost."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.start_job.event_source_arn == var.jobs_queue.arn,
      aws_lambda_event_source_mapping.start_job.function_name == var.start_job.alias_arn,
      contains(aws_lambda_event_source_mapping.start_job.function_response_types, "ReportBatchItemFailures"),
      aws_lambda_event_source_mapping.start_job.batch_size == 10,
    ])
    error_message = "start_job does not read the queue, or one bad message would repeat its whole batch."
  }
}

run "every_execution_that_ends_reaches_reconcile" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.execution_ended.event_pattern) == {
      source        = ["aws.states"]
      "detail-type" = ["Step Functions Execution Status Change"]
      detail = {
        stateMachineArn = ["arn:aws:states:eu-west-1:111122223333:stateMachine:t-process-track"]
        status          = ["ABORTED", "FAILED", "SUCCEEDED", "TIMED_OUT"]
      }
    }
    error_message = "An execution can end without reconcile hearing of it."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.reconcile_schedule.schedule_expression == "rate(5 minutes)"
    error_message = "reconcile does not look every five minutes."
  }

  assert {
    condition = { for name, target in aws_cloudwatch_event_target.reconcile : name => [target.rule, target.arn] } == {
      execution-ended = ["t-execution-ended", var.reconcile.alias_arn]
      schedule        = ["t-reconcile-schedule", var.reconcile.alias_arn]
    }
    error_message = "A rule does not reach reconcile."
  }

  assert {
    condition = alltrue([for permission in aws_lambda_permission.reconcile :
      permission.principal == "events.amazonaws.com" && permission.qualifier == "live" && permission.source_arn == "arn:aws:events:eu-west-1:111122223333:rule/a-rule"
    ]) && toset(keys(aws_lambda_permission.reconcile)) == toset(keys(aws_cloudwatch_event_target.reconcile))
    error_message = "A rule may not invoke reconcile, or others may."
  }
}

run "the_state_machine_is_logged_and_traced" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_log_group.state_machine.retention_in_days == 14,
      aws_cloudwatch_log_group.state_machine.kms_key_id == var.kms_key_arn,
      aws_sfn_state_machine.process_track.logging_configuration[0].level == "ERROR",
      aws_sfn_state_machine.process_track.tracing_configuration[0].enabled,
      aws_sfn_state_machine.process_track.type == "STANDARD",
    ])
    error_message = "The state machine is not logged, or its log is not retained, encrypted and traced."
  }

  assert {
    condition     = jsondecode(aws_iam_role.state_machine.assume_role_policy).Statement[*].Principal == [{ Service = "states.amazonaws.com" }]
    error_message = "Somebody else than Step Functions may take the role."
  }
}

run "wrong_values_are_refused" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    reconcile_schedule    = "rate(1 minutes)"
    start_job_concurrency = 1
  }

  expect_failures = [var.reconcile_schedule, var.start_job_concurrency]
}
