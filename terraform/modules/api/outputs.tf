output "id" {
  description = "Id of the API."
  value       = aws_apigatewayv2_api.this.id
}

output "endpoint" {
  description = "Address of the API's default stage."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "host" {
  description = "Host name of the API, for CloudFront: built, because the emulator's own endpoint is its address on this machine."
  value       = "${aws_apigatewayv2_api.this.id}.execute-api.${data.aws_region.current.name}.${data.aws_partition.current.dns_suffix}"
}

output "open_routes" {
  description = "Routes that need no token."
  value       = local.open_routes
}
