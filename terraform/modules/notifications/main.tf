# The topic of job events: one message when a job ends.

data "aws_caller_identity" "current" {}

resource "aws_sns_topic" "job_events" {
  name              = "${var.prefix}-job-events"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "job_events" {
  arn = aws_sns_topic.job_events.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      # Only principals of this account, each by its own IAM policy; no service and no other account.
      Sid       = "ThisAccountOnly"
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.current.account_id }
      Action = [
        "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:AddPermission", "sns:RemovePermission",
        "sns:DeleteTopic", "sns:Subscribe", "sns:ListSubscriptionsByTopic", "sns:Publish",
      ]
      Resource = aws_sns_topic.job_events.arn
    }]
  })
}
