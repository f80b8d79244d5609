output "state_machine_arn" {
  description = "ARN of the state machine `process_track`."
  value       = aws_sfn_state_machine.process_track.arn
}

output "upload_rule_arn" {
  description = "ARN of the rule that sends uploads to the queue, for the queue's policy."
  value       = aws_cloudwatch_event_rule.upload_arrived.arn
}

output "policy_json" {
  description = "The one policy of the state machine's role."
  value       = local.invoke_policy
}

output "definition" {
  description = "The state machine with its placeholders filled."
  value       = local.definition
}
