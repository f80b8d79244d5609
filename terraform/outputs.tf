output "region" {
  description = "Region of the stack."
  value       = var.region
}

output "account_id" {
  description = "Account of the stack."
  value       = data.aws_caller_identity.current.account_id
}

output "api_id" {
  description = "Id of the HTTP API."
  value       = module.http_api.id
}

output "api_endpoint" {
  description = "Address of the HTTP API itself; people reach it through the distribution."
  value       = module.http_api.endpoint
}

output "user_pool_id" {
  description = "Id of the user pool."
  value       = module.identity.user_pool_id
}

output "user_pool_client_id" {
  description = "Id of the studio's client."
  value       = module.identity.client_id
}

output "uploads_bucket" {
  description = "Bucket of the raw uploads."
  value       = module.storage.uploads.name
}

output "media_bucket" {
  description = "Bucket of renders, analyses and certificates."
  value       = module.storage.media.name
}

output "web_bucket" {
  description = "Bucket of the page."
  value       = module.website.bucket
}

output "studio_table" {
  description = "Name of the table `studio`."
  value       = module.tables.studio.name
}

output "jobs_queue_url" {
  description = "Queue before the state machine."
  value       = module.jobs_queue.url
}

output "jobs_dlq_url" {
  description = "Where messages go that nobody could handle."
  value       = module.jobs_queue.dead_letters.url
}

output "state_machine_arn" {
  description = "ARN of the state machine process_track."
  value       = module.workflow.state_machine_arn
}

output "job_events_topic_arn" {
  description = "ARN of the topic of job events."
  value       = module.notifications.job_events_arn
}

output "distribution_domain" {
  description = "Host name of the page and the API."
  value       = module.website.distribution.domain
}

output "distribution_id" {
  description = "Id of the distribution."
  value       = module.website.distribution.id
}

output "function_names" {
  description = "Name of each function at AWS, by its folder."
  value       = { for name, function in local.all_functions : name => function.name }
}

output "function_role_arns" {
  description = "Role of each function, by its folder."
  value       = { for name, function in local.all_functions : name => function.role_arn }
}

locals {
  all_functions = merge({ api = module.api, start_job = module.start_job, reconcile = module.reconcile }, module.step)
}
