# A function: its own role, log group and dead letters, and nothing that is not named.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  prefix             = "t"
  name               = "start_job"
  description        = "A function"
  handler            = "functions.start_job.handler.handler"
  zip                = { path = "./tests/artifacts/functions-start_job.zip", layer_arns = ["arn:aws:lambda:eu-west-1:111122223333:layer:t-core:1"] }
  memory_mb          = 256
  timeout_seconds    = 30
  log_retention_days = 14
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  statements         = { Rows = { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-west-1:111122223333:table/t-studio"] } }
}

run "a_zip_function_logs_and_traces" {
  command = plan

  module {
    source = "./modules/function"
  }

  assert {
    condition     = aws_lambda_function.this.function_name == "t-start-job" && aws_lambda_function.this.package_type == "Zip" && aws_lambda_function.this.runtime == "python3.13"
    error_message = "The function's name or package is not as named."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_log_group.this.name == "/aws/lambda/t-start-job",
      aws_cloudwatch_log_group.this.retention_in_days == 14,
      aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn,
      aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/t-start-job",
      aws_lambda_function.this.logging_config[0].log_format == "JSON",
      aws_lambda_function.this.tracing_config[0].mode == "Active",
    ])
    error_message = "The function's logs are not retained, not encrypted, not JSON, or it is not traced."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == aws_lambda_function.this.version && aws_lambda_function.this.publish
    error_message = "The alias live does not name a published version."
  }

  assert {
    condition     = length(aws_sqs_queue.dead_letters) == 0 && length(aws_lambda_function_event_invoke_config.this) == 0
    error_message = "A function that is called synchronously needs no dead letters."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[*].Principal == [{ Service = "lambda.amazonaws.com" }]
    error_message = "Somebody else than Lambda may take the role."
  }
}

run "the_policy_holds_what_was_named_and_the_functions_own" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    statements = {
      List = {
        actions    = ["s3:ListBucket"]
        resources  = ["arn:aws:s3:::t-uploads"]
        conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["uploads/*"] }, { test = "StringEquals", variable = "s3:delimiter", values = ["/"] }]
      }
    }
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Resource } == {
      List    = ["arn:aws:s3:::t-uploads"]
      OwnLogs = ["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/t-start-job:*"]
      Traces  = ["*"]
    }
    error_message = "The policy holds more or less than was named."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Condition if statement.Sid == "List"] == [{
      StringEquals = { "s3:delimiter" = ["/"] }
      StringLike   = { "s3:prefix" = ["uploads/*"] }
    }]
    error_message = "A condition was lost."
  }
}

run "an_asynchronous_function_keeps_its_dead_letters" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    asynchronous = {}
  }

  assert {
    condition     = aws_lambda_function.this.dead_letter_config[0].target_arn == aws_sqs_queue.dead_letters[0].arn && aws_sqs_queue.dead_letters[0].name == "t-start-job-dlq"
    error_message = "Events that the function could not handle would be lost."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters[0].message_retention_seconds == 1209600 && aws_sqs_queue.dead_letters[0].kms_master_key_id == var.kms_key_arn
    error_message = "Dead letters are not kept 14 days, or not encrypted."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this[0].qualifier == "live" && aws_lambda_function_event_invoke_config.this[0].maximum_retry_attempts == 2
    error_message = "Tries are not set for the alias that events reach."
  }

  assert {
    condition     = contains([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid], "OwnDeadLetters")
    error_message = "The function may not write its dead letters."
  }
}

run "an_image_function_takes_its_handler_as_command" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    zip                  = null
    image_uri            = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/t/audio@sha256:0000000000000000000000000000000000000000000000000000000000000002"
    ephemeral_storage_mb = 2048
  }

  assert {
    condition = alltrue([
      aws_lambda_function.this.package_type == "Image",
      aws_lambda_function.this.image_config[0].command == tolist(["functions.start_job.handler.handler"]),
      aws_lambda_function.this.ephemeral_storage[0].size == 2048,
    ])
    error_message = "The image does not start the handler."
  }
}

run "a_package_that_was_not_built_is_said" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    zip = { path = "./tests/artifacts/nothing.zip" }
  }

  expect_failures = [aws_lambda_function.this]
}

run "neither_zip_nor_image" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    zip = null
  }

  expect_failures = [aws_lambda_function.this]
}

run "wildcards_are_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    statements = { All = { actions = ["s3:*"], resources = ["arn:aws:s3:::t-uploads/*"] } }
  }

  expect_failures = [var.statements]
}

run "everything_as_resource_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    statements = { All = { actions = ["s3:GetObject"], resources = ["*"] } }
  }

  expect_failures = [var.statements]
}

run "too_small" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name                 = "start-job"
    handler              = "handler"
    image_uri            = "registry/tonearm/light:latest"
    memory_mb            = 64
    timeout_seconds      = 0
    ephemeral_storage_mb = 256
    statements           = { Nothing = { actions = [], resources = [] } }
    asynchronous         = { retries = 3 }
  }

  expect_failures = [
    var.name, var.handler, var.image_uri, var.memory_mb, var.timeout_seconds, var.ephemeral_storage_mb, var.statements,
    var.asynchronous,
  ]
}

run "too_large" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    memory_mb            = 10241
    timeout_seconds      = 901
    ephemeral_storage_mb = 10241
    asynchronous         = { max_age_seconds = 21601 }
    statements           = { "a statement" = { actions = ["s3:GetObject"], resources = ["arn:aws:s3:::t-uploads/*"] } }
  }

  expect_failures = [var.memory_mb, var.timeout_seconds, var.ephemeral_storage_mb, var.asynchronous, var.statements]
}
