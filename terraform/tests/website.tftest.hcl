# One origin: the page from a bucket that only this distribution may read, /v1/* from the API.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  prefix             = "t"
  files_dir          = "./tests/page"
  api_host           = "abcdefghij.execute-api.eu-west-1.amazonaws.com"
  buckets            = ["t-uploads", "t-media"]
  access_logs_bucket = "t-access-logs"
  sign_in            = { user_pool_id = "eu-west-1_AbCdEfGhI", client_id = "1example23456789" }
}

run "the_page_and_the_api_share_an_origin" {
  command = plan

  module {
    source = "./modules/website"
  }

  assert {
    condition     = { for origin in aws_cloudfront_distribution.this.origin : origin.origin_id => length(origin.custom_origin_config) } == { page = 0, api = 1 }
    error_message = "The distribution's origins are not the page's bucket and the API."
  }

  assert {
    condition     = [for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : [behavior.path_pattern, behavior.target_origin_id, length(behavior.function_association)]] == [["/v1/*", "api", 0]]
    error_message = "/v1/* must go to the API, past the function that answers with the page."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_distribution.this.ordered_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
      aws_cloudfront_distribution.this.ordered_cache_behavior[0].origin_request_policy_id == "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    ])
    error_message = "An answer of the API could be cached for another user, or its token would not arrive."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].target_origin_id == "page" && length(aws_cloudfront_distribution.this.default_cache_behavior[0].function_association) == 1
    error_message = "Everything else must be answered by the page."
  }

  assert {
    condition     = length(aws_cloudfront_distribution.this.custom_error_response) == 0
    error_message = "An error mapping would hide the API's own errors."
  }

  assert {
    condition     = aws_cloudfront_origin_access_control.bucket.signing_behavior == "always"
    error_message = "CloudFront does not sign what it asks of the bucket."
  }
}

run "only_this_distribution_reads_the_bucket" {
  command = plan

  module {
    source = "./modules/website"
  }

  assert {
    condition = [for statement in jsondecode(output.bucket_policy_json).Statement : [statement.Principal.Service, statement.Action, statement.Condition.StringEquals["aws:SourceArn"]] if statement.Effect == "Allow"] == [
      ["cloudfront.amazonaws.com", ["s3:GetObject"], ["arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE"]],
    ]
    error_message = "Somebody else may read the page's bucket, or CloudFront may not."
  }
}

run "browsers_are_told_to_be_careful" {
  command = plan

  module {
    source = "./modules/website"
  }

  assert {
    condition = alltrue([for behavior in concat(aws_cloudfront_distribution.this.default_cache_behavior, aws_cloudfront_distribution.this.ordered_cache_behavior) :
      behavior.response_headers_policy_id == aws_cloudfront_response_headers_policy.security.id && behavior.viewer_protocol_policy != "allow-all"
    ])
    error_message = "An answer goes out without security headers, or over plain HTTP."
  }

  assert {
    condition = alltrue([
      aws_cloudfront_response_headers_policy.security.security_headers_config[0].strict_transport_security[0].access_control_max_age_sec >= 31536000,
      aws_cloudfront_response_headers_policy.security.security_headers_config[0].frame_options[0].frame_option == "DENY",
      strcontains(aws_cloudfront_response_headers_policy.security.security_headers_config[0].content_security_policy[0].content_security_policy, "default-src 'self'"),
      !strcontains(aws_cloudfront_response_headers_policy.security.security_headers_config[0].content_security_policy[0].content_security_policy, "unsafe-eval"),
    ])
    error_message = "The security headers are weaker than they were."
  }
}

run "on_aws_the_page_talks_to_its_own_origin_and_sign_in_and_its_own_buckets_alone" {
  command = plan

  module {
    source = "./modules/website"
  }

  assert {
    condition = [for part in split("; ", aws_cloudfront_response_headers_policy.security.security_headers_config[0].content_security_policy[0].content_security_policy) : part if startswith(part, "connect-src ") || startswith(part, "media-src ")] == [
      "connect-src 'self' https://cognito-idp.eu-west-1.amazonaws.com https://t-uploads.s3.amazonaws.com https://t-uploads.s3.eu-west-1.amazonaws.com https://t-media.s3.amazonaws.com https://t-media.s3.eu-west-1.amazonaws.com",
      "media-src 'self' blob: https://t-uploads.s3.amazonaws.com https://t-uploads.s3.eu-west-1.amazonaws.com https://t-media.s3.amazonaws.com https://t-media.s3.eu-west-1.amazonaws.com",
    ]
    error_message = "The page may talk to somebody else."
  }

  assert {
    condition = jsondecode(aws_s3_object.config.content) == {
      region = "eu-west-1", user_pool_id = "eu-west-1_AbCdEfGhI", user_pool_client_id = "1example23456789", api_url = "/v1"
    }
    error_message = "The page is told wrongly where to sign in."
  }

  assert {
    condition     = aws_s3_object.config.cache_control == "no-cache"
    error_message = "A page would go on signing in to the pool of an earlier stack."
  }
}

run "on_a_laptop_the_page_talks_to_the_emulator_as_well" {
  command = plan

  module {
    source = "./modules/website"
  }

  variables {
    emulator_origin = "http://127.0.0.1:4566"
  }

  assert {
    condition = alltrue([for word in ["connect-src", "media-src"] : anytrue([
      for part in split("; ", aws_cloudfront_response_headers_policy.security.security_headers_config[0].content_security_policy[0].content_security_policy) :
      startswith(part, "${word} ") && endswith(part, " http://127.0.0.1:4566")
    ])])
    error_message = "The page could neither sign in, upload nor play."
  }

  assert {
    condition     = jsondecode(aws_s3_object.config.content).cognito_endpoint == "http://127.0.0.1:4566"
    error_message = "The page would sign in at AWS."
  }
}

run "every_file_of_the_page_is_uploaded_with_its_type" {
  command = plan

  module {
    source = "./modules/website"
  }

  assert {
    condition     = toset(keys(aws_s3_object.page)) == toset(fileset("./tests/page", "**"))
    error_message = "A file of the page is missing."
  }

  assert {
    condition     = aws_s3_object.page["index.html"].content_type == "text/html; charset=utf-8" && aws_s3_object.page["index.html"].cache_control == "no-cache"
    error_message = "The page would be downloaded, or kept after a new one was deployed."
  }
}

run "wrong_values_are_refused" {
  command = plan

  module {
    source = "./modules/website"
  }

  variables {
    files_dir   = "./tests"
    price_class = "PriceClass_Cheap"
  }

  expect_failures = [var.files_dir, var.price_class]
}
