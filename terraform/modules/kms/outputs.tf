output "arn" {
  description = "ARN of the key."
  value       = aws_kms_key.this.arn
}

output "policy_json" {
  description = "The key's own policy."
  value       = aws_kms_key.this.policy
}
