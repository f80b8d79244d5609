# Table, users, queue, topic and key.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  prefix      = "t"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001"
}

run "the_table_is_protected_and_expires_rows" {
  command = plan

  module {
    source = "./modules/tables"
  }

  assert {
    condition = alltrue([
      aws_dynamodb_table.studio.billing_mode == "PAY_PER_REQUEST",
      aws_dynamodb_table.studio.deletion_protection_enabled,
      aws_dynamodb_table.studio.point_in_time_recovery[0].enabled,
      aws_dynamodb_table.studio.server_side_encryption[0].kms_key_arn == var.kms_key_arn,
      aws_dynamodb_table.studio.stream_view_type == "NEW_AND_OLD_IMAGES",
      aws_dynamodb_table.studio.ttl[0].attribute_name == "expires_at",
      aws_dynamodb_table.studio.ttl[0].enabled,
    ])
    error_message = "The table lost its protection, its stream or its expiry."
  }

  assert {
    condition = { for index in aws_dynamodb_table.studio.global_secondary_index : index.name => [index.hash_key, index.range_key, index.projection_type] } == {
      jobs_by_track = ["track_jobs_pk", "sk", "ALL"]
      open_work     = ["open_pk", "open_since", "ALL"]
      unfinished    = ["pk", "unfinished_since", "KEYS_ONLY"]
    }
    error_message = "The indexes are not those of docs/data-model.md."
  }
}

run "users_sign_in_without_telling_who_exists" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition = alltrue([
      aws_cognito_user_pool_client.studio.prevent_user_existence_errors == "ENABLED",
      aws_cognito_user_pool_client.studio.enable_token_revocation,
      aws_cognito_user_pool_client.studio.explicit_auth_flows == toset(["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]),
      aws_cognito_user_pool.this.deletion_protection == "ACTIVE",
      aws_cognito_user_pool.this.password_policy[0].minimum_length >= 12,
      toset(keys(aws_cognito_user_group.this)) == toset(["admin", "tier-pro"]),
    ])
    error_message = "The user pool or its client is weaker than it was."
  }
}

run "groups_need_what_the_api_grants_to" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    groups = { admin = { description = "And nobody is pro", precedence = 1 } }
  }

  expect_failures = [var.groups]
}

run "the_queue_gives_up_into_its_dead_letters" {
  command = plan

  module {
    source = "./modules/queue"
  }

  variables {
    name                       = "t-jobs"
    visibility_timeout_seconds = 180
    senders                    = { Uploads = { service = "events.amazonaws.com", source_arns = ["arn:aws:events:eu-west-1:111122223333:rule/r"] } }
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_policy.this.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 }
    error_message = "A message that nobody can handle would come back for ever."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letters.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-west-1:111122223333:t-jobs"] }
    error_message = "Other queues may use the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.kms_key_arn && aws_sqs_queue.dead_letters.kms_master_key_id == var.kms_key_arn
    error_message = "Messages are not encrypted with the given key."
  }
}

run "wrong_queues_are_refused" {
  command = plan

  module {
    source = "./modules/queue"
  }

  variables {
    name                       = "t jobs"
    visibility_timeout_seconds = 43201
    retention_seconds          = 59
    max_receives               = 0
    senders                    = { Anyone = { service = "events.amazonaws.com", source_arns = [] } }
  }

  expect_failures = [var.name, var.visibility_timeout_seconds, var.retention_seconds, var.max_receives, var.senders]
}

run "the_topic_is_encrypted_and_this_accounts_own" {
  command = plan

  module {
    source = "./modules/notifications"
  }

  assert {
    condition     = aws_sns_topic.job_events.kms_master_key_id == var.kms_key_arn
    error_message = "Events are not encrypted with the given key."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_policy.job_events.policy).Statement[*].Principal == [{ AWS = "111122223333" }]
    error_message = "Others than this account may use the topic."
  }
}

run "the_key_rotates_and_serves_only_whom_it_must" {
  command = plan

  module {
    source = "./modules/kms"
  }

  variables {
    alias       = "t-main"
    description = "Everything"
    used_by     = ["logs"]
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key does not rotate, or is gone sooner than it was."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[*].Sid == ["AccountDelegatesToIam", "LogsOfThisAccount"]
    error_message = "A service may use the key that was not named."
  }
}

run "wrong_keys_are_refused" {
  command = plan

  module {
    source = "./modules/kms"
  }

  variables {
    alias                = "aws/mine"
    description          = "Everything"
    deletion_window_days = 6
    used_by              = ["everyone"]
  }

  expect_failures = [var.alias, var.deletion_window_days, var.used_by]
}

run "storage_needs_a_page_and_a_retention" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    web_origins               = []
    track_retention_days      = 0
    access_log_retention_days = 0
  }

  expect_failures = [var.web_origins, var.track_retention_days, var.access_log_retention_days]
}
