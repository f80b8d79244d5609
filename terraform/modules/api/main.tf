# The HTTP API: one Lambda integration, tokens checked before the function runs, every request logged.

data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # All that can be had without a token.
  open_routes = toset(["GET /v1/health", "GET /v1/openapi.json", "GET /v1/docs"])

  access_log = {
    requestId      = "$context.requestId"
    requestTime    = "$context.requestTime"
    sourceIp       = "$context.identity.sourceIp"
    routeKey       = "$context.routeKey"
    path           = "$context.path"
    status         = "$context.status"
    responseLength = "$context.responseLength"
    latencyMs      = "$context.responseLatency"
    subject        = "$context.authorizer.claims.sub"
    authorizer     = "$context.authorizer.error"
    integration    = "$context.integrationErrorMessage"
  }
}

resource "aws_apigatewayv2_api" "this" {
  name          = "${var.prefix}-api"
  description   = "Tonearm API v1"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "users"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = [var.jwt.audience]
  }

  lifecycle {
    # Only REQUEST authorizers have this version; the emulator answers "2.0" for JWT as well.
    ignore_changes = [authorizer_payload_format_version]
  }
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = var.function.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29000
}

resource "aws_apigatewayv2_route" "open" {
  for_each = local.open_routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_route" "signed_in" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "ANY /v1/{proxy+}"
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.prefix}-api"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
    detailed_metrics_enabled = true
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = jsonencode(local.access_log)
  }
}

resource "aws_lambda_permission" "api" {
  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  qualifier     = var.function.alias_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}
