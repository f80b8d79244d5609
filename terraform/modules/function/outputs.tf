output "name" {
  description = "Name of the function at AWS."
  value       = aws_lambda_function.this.function_name
}

output "alias_arn" {
  description = "ARN of the alias `live`, which callers use."
  value       = aws_lambda_alias.live.arn
}

output "alias_name" {
  description = "Name of the alias that callers use."
  value       = aws_lambda_alias.live.name
}

output "invoke_arn" {
  description = "ARN by which API Gateway invokes the alias."
  value       = aws_lambda_alias.live.invoke_arn
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.this.arn
}

output "policy_json" {
  description = "The one policy of the role."
  value       = local.policy
}

output "timeout_seconds" {
  description = "Longest run in seconds."
  value       = var.timeout_seconds
}

output "dead_letters" {
  description = "Dead-letter queue of an asynchronous function; null otherwise."
  value       = one([for queue in aws_sqs_queue.dead_letters : { url = queue.url, arn = queue.arn }])
}
