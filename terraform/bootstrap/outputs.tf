output "state_bucket" {
  description = "Bucket of the states, for -backend-config=\"bucket=…\"."
  value       = module.state.name
}

output "image_repositories" {
  description = "Address of each image repository."
  value       = { for name, repository in aws_ecr_repository.image : name => repository.repository_url }
}

output "ci_role_arns" {
  description = "Roles that GitHub Actions take: plan and apply."
  value       = { for name, role in aws_iam_role.ci : name => role.arn }
}

output "permissions_boundary_arn" {
  description = "Boundary that the root module gives to every role (variable permissions_boundary_arn)."
  value       = aws_iam_policy.boundary.arn
}
