# The API: three routes are open, every other needs a token.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  prefix             = "t"
  function           = { name = "t-api", alias_name = "live", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:t-api:live/invocations" }
  jwt                = { issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abcdefghi", audience = "clientclientclientclient00" }
  throttle           = { rate = 50, burst = 100 }
  log_retention_days = 14
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001"
}

run "only_three_routes_are_open" {
  command = plan

  module {
    source = "./modules/api"
  }

  assert {
    condition     = toset([for route in aws_apigatewayv2_route.open : route.route_key]) == toset(["GET /v1/docs", "GET /v1/health", "GET /v1/openapi.json"])
    error_message = "A route is open that must not be, or one is shut that must be open."
  }

  assert {
    condition = alltrue([
      aws_apigatewayv2_route.signed_in.route_key == "ANY /v1/{proxy+}",
      aws_apigatewayv2_route.signed_in.authorization_type == "JWT",
      aws_apigatewayv2_route.signed_in.authorizer_id == aws_apigatewayv2_authorizer.jwt.id,
    ])
    error_message = "Routes beside the open ones do not need a token."
  }

  assert {
    condition = alltrue([
      aws_apigatewayv2_authorizer.jwt.authorizer_type == "JWT",
      aws_apigatewayv2_authorizer.jwt.jwt_configuration[0].issuer == var.jwt.issuer,
      aws_apigatewayv2_authorizer.jwt.jwt_configuration[0].audience == toset([var.jwt.audience]),
    ])
    error_message = "Tokens of other issuers or clients would open the API."
  }
}

# The emulator enforces no throttle: it is asserted here.
run "requests_are_throttled_and_logged" {
  command = plan

  module {
    source = "./modules/api"
  }

  assert {
    condition     = aws_apigatewayv2_stage.default.default_route_settings[0].throttling_rate_limit == 50 && aws_apigatewayv2_stage.default.default_route_settings[0].throttling_burst_limit == 100
    error_message = "The API takes any number of requests."
  }

  assert {
    condition = alltrue([
      aws_apigatewayv2_stage.default.name == "$default",
      aws_apigatewayv2_stage.default.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access.arn,
      aws_cloudwatch_log_group.access.retention_in_days == 14,
      aws_cloudwatch_log_group.access.kms_key_id == var.kms_key_arn,
    ])
    error_message = "Requests are not logged, or the log is not retained and encrypted."
  }

  assert {
    condition     = !strcontains(lower(aws_apigatewayv2_stage.default.access_log_settings[0].format), "header")
    error_message = "The access log holds headers; tokens travel in them."
  }

  assert {
    condition     = aws_lambda_permission.api.principal == "apigateway.amazonaws.com" && aws_lambda_permission.api.qualifier == "live" && startswith(aws_lambda_permission.api.source_arn, aws_apigatewayv2_api.this.execution_arn)
    error_message = "This API may not call its function, or other APIs may."
  }

  assert {
    condition     = aws_apigatewayv2_integration.function.payload_format_version == "2.0"
    error_message = "The function expects payload 2.0."
  }
}

run "wrong_values_are_refused" {
  command = plan

  module {
    source = "./modules/api"
  }

  variables {
    jwt      = { issuer = "cognito-idp.eu-west-1.amazonaws.com", audience = "x" }
    throttle = { rate = 10, burst = 5 }
  }

  expect_failures = [var.jwt, var.throttle]
}
