output "job_events_arn" {
  description = "ARN of the topic of job events."
  value       = aws_sns_topic.job_events.arn
}

output "policy_json" {
  description = "The topic's policy."
  value       = aws_sns_topic_policy.job_events.policy
}
