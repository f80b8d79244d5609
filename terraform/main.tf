# Tonearm: storage, identity, the API and the workflow that turns an upload into a certified render.

data "aws_caller_identity" "current" {}

module "kms" {
  source = "./modules/kms"

  alias                = "${var.prefix}-main"
  description          = "Tonearm ${var.prefix}: audio, rows, messages and logs"
  used_by              = ["events", "logs", "tables"]
  deletion_window_days = var.protect_data ? 30 : 7
}

module "storage" {
  source = "./modules/storage"

  prefix               = var.prefix
  kms_key_arn          = module.kms.arn
  track_retention_days = var.track_retention_days
  web_origins          = concat(["https://${module.website.distribution.domain}"], var.extra_web_origins)
  force_destroy        = !var.protect_data
  plaintext_from       = var.plaintext_from
}

module "tables" {
  source = "./modules/tables"

  prefix                 = var.prefix
  kms_key_arn            = module.kms.arn
  deletion_protection    = var.protect_data
  point_in_time_recovery = var.point_in_time_recovery
}

module "identity" {
  source = "./modules/identity"

  prefix              = var.prefix
  deletion_protection = var.protect_data
  self_sign_up        = var.self_sign_up
}

module "notifications" {
  source = "./modules/notifications"

  prefix      = var.prefix
  kms_key_arn = module.kms.arn
}

module "jobs_queue" {
  source = "./modules/queue"

  name                       = "${var.prefix}-jobs"
  kms_key_arn                = module.kms.arn
  visibility_timeout_seconds = 6 * local.start_job_timeout_seconds

  senders = {
    UploadsArrive = { service = "events.amazonaws.com", source_arns = [module.workflow.upload_rule_arn] }
  }
}

module "workflow" {
  source = "./modules/workflow"

  prefix                   = var.prefix
  definition_path          = "${var.statemachines_dir}/process_track.asl.json"
  uploads_bucket           = module.storage.uploads.name
  steps                    = { for name, step in module.step : name => { alias_arn = step.alias_arn } }
  jobs_queue               = { arn = module.jobs_queue.arn, dead_letters_arn = module.jobs_queue.dead_letters.arn }
  start_job                = { alias_arn = module.start_job.alias_arn }
  start_job_concurrency    = var.start_job_concurrency
  reconcile                = { name = module.reconcile.name, alias_arn = module.reconcile.alias_arn, alias_name = module.reconcile.alias_name }
  log_retention_days       = var.log_retention_days
  kms_key_arn              = module.kms.arn
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "http_api" {
  source = "./modules/api"

  prefix             = var.prefix
  function           = { name = module.api.name, alias_name = module.api.alias_name, invoke_arn = module.api.invoke_arn }
  jwt                = { issuer = module.identity.issuer, audience = module.identity.client_id }
  throttle           = var.api_throttle
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.kms.arn
}

module "website" {
  source = "./modules/website"

  prefix             = var.prefix
  files_dir          = var.web_dir
  api_host           = module.http_api.host
  sign_in            = { user_pool_id = module.identity.user_pool_id, client_id = module.identity.client_id }
  buckets            = [module.storage.uploads.name, module.storage.media.name]
  emulator_origin    = var.emulator_origin
  access_logs_bucket = module.storage.access_logs.name
  plaintext_from     = var.plaintext_from
}
