# The whole stack, planned against mocks: who may do what, and how the parts hang together.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# Each thing that a policy names gets an ARN of its own, so that a policy for the wrong thing shows.

override_resource {
  target          = module.step["validate"].aws_lambda_alias.live
  override_during = plan
  values          = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-validate:live" }
}

override_resource {
  target          = module.step["analyze"].aws_lambda_alias.live
  override_during = plan
  values          = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-analyze:live" }
}

override_resource {
  target          = module.step["transform"].aws_lambda_alias.live
  override_during = plan
  values          = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-transform:live" }
}

override_resource {
  target          = module.step["certify"].aws_lambda_alias.live
  override_during = plan
  values          = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-certify:live" }
}

override_resource {
  target          = module.step["notify"].aws_lambda_alias.live
  override_during = plan
  values          = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:t-notify:live" }
}

override_resource {
  target          = module.jobs_queue.aws_sqs_queue.this
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-west-1:111122223333:tt-jobs"
    id  = "https://sqs.eu-west-1.amazonaws.com/111122223333/tt-jobs"
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/tt-jobs"
  }
}

override_resource {
  target          = module.jobs_queue.aws_sqs_queue.dead_letters
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-west-1:111122223333:tt-jobs-dlq"
    id  = "https://sqs.eu-west-1.amazonaws.com/111122223333/tt-jobs-dlq"
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/tt-jobs-dlq"
  }
}

override_resource {
  target          = module.storage.module.uploads.aws_s3_bucket.this
  override_during = plan
  values          = { arn = "arn:aws:s3:::tt-uploads" }
}

override_resource {
  target          = module.storage.module.media.aws_s3_bucket.this
  override_during = plan
  values          = { arn = "arn:aws:s3:::tt-media" }
}

override_resource {
  target          = module.workflow.aws_cloudwatch_event_rule.upload_arrived
  override_during = plan
  values          = { arn = "arn:aws:events:eu-west-1:111122223333:rule/tt-upload-arrived" }
}

variables {
  environment   = "dev"
  region        = "eu-west-1"
  prefix        = "tt"
  artifacts_dir = "./tests/artifacts"
  web_dir       = "./tests/page"
  images = {
    light = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/light@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    audio = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/audio@sha256:0000000000000000000000000000000000000000000000000000000000000002"
  }
}

run "functions_may_do_only_what_is_named" {
  command = plan

  assert {
    condition = alltrue(flatten([for name, function in local.all_functions : [
      for statement in jsondecode(function.policy_json).Statement : [
        for action in flatten([statement.Action]) : !strcontains(action, "*")
      ]
    ]]))
    error_message = "A function's policy holds an action with a wildcard."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.all_functions : [
      for statement in jsondecode(function.policy_json).Statement : [
        for resource in flatten([statement.Resource]) : resource != "*" || statement.Sid == "Traces"
      ]
    ]]))
    error_message = "A function's policy reaches every resource; only Traces must, because X-Ray knows no resources."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.all_functions : [
      for statement in jsondecode(function.policy_json).Statement : statement.Effect == "Allow" && length(try(statement.NotAction, [])) + length(try(statement.NotResource, [])) == 0
    ]]))
    error_message = "A function's policy says what is not allowed, or allows everything but something."
  }

  assert {
    condition = toset(keys(local.all_functions)) == toset([
      "analyze", "api", "certify", "notify", "reconcile", "start_job", "transform", "validate",
    ])
    error_message = "The stack's functions are not those of the design."
  }
}

run "each_function_may_reach_only_its_own" {
  command = plan

  # Given which services each function's work needs, then its policy names these and no other.
  assert {
    condition = { for name, function in local.all_functions : name => join(" ", sort(distinct(flatten([
      for statement in jsondecode(function.policy_json).Statement : [for action in flatten([statement.Action]) : split(":", action)[0]]
      ])))) } == {
      analyze   = "dynamodb kms logs s3 xray"
      api       = "dynamodb kms logs s3 sqs states xray"
      certify   = "dynamodb kms logs s3 xray"
      notify    = "dynamodb kms logs sns xray"
      reconcile = "dynamodb kms logs s3 sns sqs states xray"
      start_job = "dynamodb kms logs sqs states xray"
      transform = "dynamodb kms logs s3 xray"
      validate  = "dynamodb kms logs s3 xray"
    }
    error_message = "A function reaches a service that its work does not need, or lacks one."
  }

  assert {
    condition = alltrue([for name in ["validate", "notify", "start_job"] :
      !strcontains(local.all_functions[name].policy_json, "s3:PutObject")
    ])
    error_message = "A function that writes no audio may write objects."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.all_functions : [
      for statement in jsondecode(function.policy_json).Statement : alltrue([for resource in flatten([statement.Resource]) :
        !startswith(resource, "arn:aws:s3") || contains(
          ["arn:aws:s3:::tt-uploads", "arn:aws:s3:::tt-media", "arn:aws:s3:::tt-uploads/uploads/*", "arn:aws:s3:::tt-media/media/*"], resource,
        )
      ])
    ]]))
    error_message = "A function reaches objects outside uploads/ of the uploads and media/ of the media bucket."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.all_functions : [
      for statement in jsondecode(function.policy_json).Statement :
      try(statement.Condition.StringLike["s3:prefix"], null) != null
      if contains(flatten([statement.Action]), "s3:ListBucket")
    ]]))
    error_message = "A function may list a whole bucket; it needs a condition on s3:prefix."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.all_functions : [
      for statement in jsondecode(function.policy_json).Statement :
      try(statement.Condition.StringEquals["kms:ViaService"], null) != null
      if anytrue([for action in flatten([statement.Action]) : startswith(action, "kms:")])
    ]]))
    error_message = "A function may use the key by itself; it needs a condition on kms:ViaService."
  }
}

run "the_queue_is_read_by_start_job_and_filled_by_uploads" {
  command = plan

  # The emulator enforces neither the mapping's rights nor the queue's policy: they are asserted here.
  assert {
    condition = anytrue([for statement in jsondecode(module.start_job.policy_json).Statement :
      length(setsubtract(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], flatten([statement.Action]))) == 0
      && flatten([statement.Resource]) == ["arn:aws:sqs:eu-west-1:111122223333:tt-jobs"]
    ])
    error_message = "start_job may not read the jobs queue: the event source mapping would stand still."
  }

  assert {
    condition = anytrue([for statement in jsondecode(module.start_job.policy_json).Statement :
      contains(flatten([statement.Action]), "kms:Decrypt") && contains(try(statement.Condition.StringEquals["kms:ViaService"], []), "sqs.eu-west-1.amazonaws.com")
    ])
    error_message = "start_job may not open the queue's messages."
  }

  assert {
    condition = alltrue([for name, function in local.all_functions :
      !strcontains(function.policy_json, "sqs:ReceiveMessage") if name != "start_job"
    ])
    error_message = "Another function than start_job may take messages from the queue."
  }

  assert {
    condition = [for statement in jsondecode(module.jobs_queue.policy_json).Statement : {
      principal = statement.Principal
      action    = statement.Action
      resource  = statement.Resource
      source    = statement.Condition.ArnEquals["aws:SourceArn"]
      account   = statement.Condition.StringEquals["aws:SourceAccount"]
      }] == [{
      principal = { Service = "events.amazonaws.com" }
      action    = "sqs:SendMessage"
      resource  = "arn:aws:sqs:eu-west-1:111122223333:tt-jobs"
      source    = ["arn:aws:events:eu-west-1:111122223333:rule/tt-upload-arrived"]
      account   = "111122223333"
    }]
    error_message = "The queue does not take the upload rule's events, or takes others."
  }

  assert {
    condition = [for statement in jsondecode(module.jobs_queue.dead_letters.policy_json).Statement : [
      statement.Principal.Service, statement.Action, statement.Resource, statement.Condition.ArnEquals["aws:SourceArn"],
      ]] == [[
      "events.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:tt-jobs-dlq",
      ["arn:aws:events:eu-west-1:111122223333:rule/tt-upload-arrived"],
    ]]
    error_message = "What the rule cannot deliver would be lost: its dead letters are refused."
  }

  assert {
    condition     = [for statement in jsondecode(module.kms.policy_json).Statement : try(statement.Condition, "none") if statement.Sid == "EventsIntoEncryptedQueues"] == ["none"]
    error_message = "EventBridge may not use the queue's key, or only with a condition that it does not meet: events would be lost."
  }
}

run "the_state_machine_may_invoke_its_steps_only" {
  command = plan

  # The emulator does not enforce the state machine's role.
  assert {
    condition = toset(flatten([for statement in jsondecode(module.workflow.policy_json).Statement :
      flatten([statement.Resource]) if contains(flatten([statement.Action]), "lambda:InvokeFunction")
      ])) == toset([for name in ["analyze", "certify", "notify", "transform", "validate"] :
      "arn:aws:lambda:eu-west-1:111122223333:function:t-${name}:live"
    ])
    error_message = "The state machine may invoke other functions than its steps, or not all of them."
  }

  assert {
    condition = alltrue(flatten([for statement in jsondecode(module.workflow.policy_json).Statement : [
      for action in flatten([statement.Action]) : !strcontains(action, "*") && contains(["lambda", "logs", "xray"], split(":", action)[0])
    ]]))
    error_message = "The state machine's policy holds a wildcard, or a service that it does not call."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(module.workflow.policy_json).Statement : statement.Resource != "*" || statement.Sid == "DeliverLogsAndTraces"])
    error_message = "The state machine's policy reaches every resource beyond logs and traces."
  }

  # Given the definition with its placeholders filled, then every Task calls its own step, and waits longer than it runs.
  assert {
    condition = { for name, state in jsondecode(module.workflow.definition).States : name => state.Arguments.FunctionName if state.Type == "Task" } == {
      "Validate upload"            = "arn:aws:lambda:eu-west-1:111122223333:function:t-validate:live"
      "Analyze tempo and duration" = "arn:aws:lambda:eu-west-1:111122223333:function:t-analyze:live"
      "Transform"                  = "arn:aws:lambda:eu-west-1:111122223333:function:t-transform:live"
      "Certify render"             = "arn:aws:lambda:eu-west-1:111122223333:function:t-certify:live"
      "Notify owner"               = "arn:aws:lambda:eu-west-1:111122223333:function:t-notify:live"
      "Record failure"             = "arn:aws:lambda:eu-west-1:111122223333:function:t-notify:live"
    }
    error_message = "A state calls another step's function."
  }

  assert {
    condition = alltrue([for name, state in jsondecode(module.workflow.definition).States :
      state.TimeoutSeconds > module.step[element(split("-", element(split(":", state.Arguments.FunctionName), 6)), 1)].timeout_seconds
      if state.Type == "Task"
    ])
    error_message = "A Task gives up before its function does."
  }
}

run "only_reconcile_is_asynchronous_and_keeps_its_dead_letters" {
  command = plan

  assert {
    condition     = [for name, function in local.all_functions : name if function.dead_letters != null] == ["reconcile"]
    error_message = "Exactly the functions that events reach asynchronously keep dead letters: reconcile."
  }

  assert {
    condition = anytrue([for statement in jsondecode(module.reconcile.policy_json).Statement :
      statement.Sid == "OwnDeadLetters" && flatten([statement.Resource]) == ["arn:aws:sqs:eu-west-1:111122223333:tt-reconcile-dlq"]
    ])
    error_message = "reconcile may not write its dead letters."
  }
}

run "outputs_are_the_ones_that_others_read" {
  command = plan

  assert {
    condition = alltrue([
      output.account_id == "111122223333",
      output.region == "eu-west-1",
      output.uploads_bucket == "tt-uploads-111122223333-eu-west-1",
      output.media_bucket == "tt-media-111122223333-eu-west-1",
      output.web_bucket == "tt-web-111122223333-eu-west-1",
      output.studio_table == "tt-studio",
      output.function_names["start_job"] == "tt-start-job",
      length(output.function_role_arns) == 8,
      strcontains(output.jobs_queue_url, "tt-jobs"),
      strcontains(output.jobs_dlq_url, "tt-jobs-dlq"),
    ])
    error_message = "An output changed its name or its shape."
  }
}
