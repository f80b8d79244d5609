output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.this.arn
}

output "dead_letters" {
  description = "The dead-letter queue."
  value = {
    url         = aws_sqs_queue.dead_letters.url
    arn         = aws_sqs_queue.dead_letters.arn
    policy_json = aws_sqs_queue.dead_letters.policy
  }
}

output "policy_json" {
  description = "The queue's policy; null where no service may send."
  value       = aws_sqs_queue.this.policy
}
