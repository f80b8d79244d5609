output "uploads" {
  description = "Bucket of the raw uploads."
  value       = { name = module.uploads.name, arn = module.uploads.arn }
}

output "media" {
  description = "Bucket of renders, analyses and certificates."
  value       = { name = module.media.name, arn = module.media.arn }
}

output "access_logs" {
  description = "Bucket of the access logs."
  value       = { name = module.access_logs.name, arn = module.access_logs.arn }
}

output "policies" {
  description = "Policy document of each bucket."
  value = {
    uploads     = module.uploads.policy_json
    media       = module.media.policy_json
    access_logs = module.access_logs.policy_json
  }
}
