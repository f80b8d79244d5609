# A bucket: shut, encrypted, versioned, tidy.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name        = "t-uploads"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001"
}

run "a_bucket_is_private_and_keeps_versions" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket is not shut to the public."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Others could own objects in the bucket."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "An overwritten object would be lost."
  }

  assert {
    condition = [for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : [
      rule.apply_server_side_encryption_by_default[0].sse_algorithm, rule.apply_server_side_encryption_by_default[0].kms_master_key_id,
    ]] == [["aws:kms", var.kms_key_arn]]
    error_message = "Objects are not encrypted with the given key."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "By default a bucket with content must not be deletable."
  }
}

run "plain_http_is_refused_to_everyone" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::a-bucket", "arn:aws:s3:::a-bucket/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Plain HTTP is not refused, or somebody is let in."
  }
}

run "plain_http_only_from_where_it_was_allowed" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    plaintext_from = ["127.0.0.0/8"]
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition == {
      Bool         = { "aws:SecureTransport" = "false" }
      NotIpAddress = { "aws:SourceIp" = ["127.0.0.0/8"] }
    }
    error_message = "The exception for the laptop is not limited to its networks."
  }
}

run "services_act_for_this_account_or_for_the_named_source" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    service_grants = {
      Logs = { service = "logging.s3.amazonaws.com", actions = ["s3:PutObject"] }
      Page = { service = "cloudfront.amazonaws.com", actions = ["s3:GetObject"], source_arns = ["arn:aws:cloudfront::111122223333:distribution/E1"] }
    }
  }

  assert {
    condition = { for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Sid => statement.Condition.StringEquals if statement.Effect == "Allow" } == {
      Logs = { "aws:SourceAccount" = ["111122223333"] }
      Page = { "aws:SourceArn" = ["arn:aws:cloudfront::111122223333:distribution/E1"] }
    }
    error_message = "A service may act on another account's behalf."
  }
}

# The emulator never runs lifecycle rules: they are asserted here.
run "left_overs_go" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    expire = { prefix = "uploads/", days = 37 }
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 2
    error_message = "Unfinished uploads would be paid for ever."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].noncurrent_version_expiration[0].noncurrent_days == 7
    error_message = "Old versions would be kept for ever."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].filter[0].prefix == "uploads/" && aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].days == 37
    error_message = "Expired objects would be kept for ever."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.status == "Enabled"])
    error_message = "A lifecycle rule is switched off."
  }
}

run "wrong_values_are_refused" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name                 = "Not_A_Bucket"
    plaintext_from       = ["somewhere"]
    cors                 = { origins = ["*"], methods = ["GET"] }
    expire               = { prefix = "", days = 0 }
    noncurrent_days      = 0
    abort_multipart_days = 1.5
    service_grants       = { All = { service = "logging.s3.amazonaws.com", actions = ["s3:*"] } }
  }

  expect_failures = [
    var.name, var.plaintext_from, var.cors, var.expire, var.noncurrent_days, var.abort_multipart_days, var.service_grants,
  ]
}
