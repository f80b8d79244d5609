output "bucket" {
  description = "Name of the bucket that holds the page."
  value       = module.bucket.name
}

output "distribution" {
  description = "The distribution: id, ARN and host name."
  value = {
    id     = aws_cloudfront_distribution.this.id
    arn    = aws_cloudfront_distribution.this.arn
    domain = aws_cloudfront_distribution.this.domain_name
  }
}

output "bucket_policy_json" {
  description = "Policy of the page's bucket."
  value       = module.bucket.policy_json
}
