# Every function of the stack: how large, what it is told, what it may do.

locals {
  start_job_timeout_seconds = 30

  common_environment = {
    POWERTOOLS_LOG_LEVEL         = var.log_level
    POWERTOOLS_METRICS_NAMESPACE = "Tonearm"
  }

  layers = [aws_lambda_layer_version.core.arn]

  layer_path = "${var.artifacts_dir}/layer-core.zip"
}

resource "aws_lambda_layer_version" "core" {
  layer_name               = "${var.prefix}-core"
  description              = "Package tonearm and what it needs"
  filename                 = local.layer_path
  source_code_hash         = fileexists(local.layer_path) ? filebase64sha256(local.layer_path) : null
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["x86_64"]

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = fileexists(local.layer_path)
      error_message = "${local.layer_path} does not exist. Build the packages first (make build), or point artifacts_dir at the folder that holds them."
    }
  }
}

# ------------------------------------------------------------------ zips on the layer

module "api" {
  source = "./modules/function"

  prefix                   = var.prefix
  name                     = "api"
  description              = "Answers the HTTP API"
  handler                  = "functions.api.handler.handler"
  zip                      = { path = "${var.artifacts_dir}/functions-api.zip", layer_arns = local.layers }
  memory_mb                = 512
  timeout_seconds          = 15
  log_retention_days       = var.log_retention_days
  kms_key_arn              = module.kms.arn
  permissions_boundary_arn = var.permissions_boundary_arn

  environment = merge(local.common_environment, {
    POWERTOOLS_SERVICE_NAME = "api"
    STUDIO_TABLE            = module.tables.studio.name
    UPLOADS_BUCKET          = module.storage.uploads.name
    MEDIA_BUCKET            = module.storage.media.name
    JOBS_QUEUE_URL          = module.jobs_queue.url
    STATE_MACHINE_ARN       = module.workflow.state_machine_arn
    TIER_LIMITS             = jsonencode(var.tier_limits)
    TRACK_RETENTION_DAYS    = var.track_retention_days
  })

  statements = {
    ChangeRows     = local.may_change_rows
    QueryRows      = local.may_query_rows
    ReadUploads    = local.may_read_uploads
    WriteUploads   = local.may_write_uploads
    DeleteUploads  = local.may_delete_uploads
    ListUploads    = local.may_list_uploads
    ReadMedia      = local.may_read_media
    DeleteMedia    = local.may_delete_media
    ListMedia      = local.may_list_media
    QueueJobs      = local.may_queue_jobs
    ReadExecutions = local.may_read_executions
    StopExecutions = local.may_stop_executions
    KeyOfObjects   = local.may_use_key.s3.write
    KeyOfMessages  = local.may_use_key.sqs.write
  }
}

module "start_job" {
  source = "./modules/function"

  prefix                   = var.prefix
  name                     = "start_job"
  description              = "Turns uploads and orders in the queue into executions"
  handler                  = "functions.start_job.handler.handler"
  zip                      = { path = "${var.artifacts_dir}/functions-start_job.zip", layer_arns = local.layers }
  memory_mb                = 256
  timeout_seconds          = local.start_job_timeout_seconds
  log_retention_days       = var.log_retention_days
  kms_key_arn              = module.kms.arn
  permissions_boundary_arn = var.permissions_boundary_arn

  environment = merge(local.common_environment, {
    POWERTOOLS_SERVICE_NAME = "start_job"
    STUDIO_TABLE            = module.tables.studio.name
    STATE_MACHINE_ARN       = module.workflow.state_machine_arn
  })

  statements = {
    ReadAndWriteRows = local.may_read_and_write_rows
    ReadQueue        = local.may_read_the_jobs_queue
    StartExecutions  = local.may_start_executions
    KeyOfMessages    = local.may_use_key.sqs.read
  }
}

module "reconcile" {
  source = "./modules/function"

  prefix                   = var.prefix
  name                     = "reconcile"
  description              = "Gives every job its end and sweeps up what expired"
  handler                  = "functions.reconcile.handler.handler"
  zip                      = { path = "${var.artifacts_dir}/functions-reconcile.zip", layer_arns = local.layers }
  memory_mb                = 256
  timeout_seconds          = 60
  asynchronous             = {}
  log_retention_days       = var.log_retention_days
  kms_key_arn              = module.kms.arn
  permissions_boundary_arn = var.permissions_boundary_arn

  environment = merge(local.common_environment, {
    POWERTOOLS_SERVICE_NAME = "reconcile"
    STUDIO_TABLE            = module.tables.studio.name
    UPLOADS_BUCKET          = module.storage.uploads.name
    MEDIA_BUCKET            = module.storage.media.name
    STATE_MACHINE_ARN       = module.workflow.state_machine_arn
    JOB_EVENTS_TOPIC_ARN    = module.notifications.job_events_arn
    JOBS_QUEUE_URL          = module.jobs_queue.url
  })

  statements = {
    ChangeRows     = local.may_change_rows
    QueryRows      = local.may_query_rows
    ReadExecutions = local.may_read_executions
    StopExecutions = local.may_stop_executions
    ReadUploads    = local.may_read_uploads
    DeleteUploads  = local.may_delete_uploads
    ListUploads    = local.may_list_uploads
    DeleteMedia    = local.may_delete_media
    ListMedia      = local.may_list_media
    QueueJobs      = local.may_queue_jobs
    Announce       = local.may_announce
    KeyOfObjects   = local.may_use_key.s3.read
    KeyOfMessages  = local.may_use_key.sqs.write
    KeyOfEvents    = local.may_use_key.sns.write
  }
}

# ------------------------------------------------------------------ container images: the steps of the state machine

locals {
  audio_environment = {
    STUDIO_TABLE   = module.tables.studio.name
    UPLOADS_BUCKET = module.storage.uploads.name
    MEDIA_BUCKET   = module.storage.media.name
  }

  steps = {
    validate = {
      description          = "Probes an upload and refuses what is not a song"
      image                = var.images.audio
      memory_mb            = 1769
      timeout_seconds      = 300
      ephemeral_storage_mb = 2048
      environment = {
        STUDIO_TABLE   = module.tables.studio.name
        UPLOADS_BUCKET = module.storage.uploads.name
        TIER_LIMITS    = jsonencode(var.tier_limits)
      }
      statements = {
        ReadAndWriteRows = local.may_read_and_write_rows
        ReadUploads      = local.may_read_uploads
        ListUploads      = local.may_list_uploads
        KeyOfObjects     = local.may_use_key.s3.read
      }
    }

    analyze = {
      description          = "Measures tempo, beats, duration and loudness"
      image                = var.images.audio
      memory_mb            = 1769
      timeout_seconds      = 300
      ephemeral_storage_mb = 2048
      environment          = local.audio_environment
      statements = {
        ReadAndWriteRows = local.may_read_and_write_rows
        ReadUploads      = local.may_read_uploads
        WriteMedia       = local.may_write_media
        KeyOfObjects     = local.may_use_key.s3.write
      }
    }

    transform = {
      description          = "Renders a recipe"
      image                = var.images.audio
      memory_mb            = 3008
      timeout_seconds      = 600
      ephemeral_storage_mb = 10240 # the song (1 GB), other tracks (1 GB), the stream on its way (4 GB), the render (3 GB); of a master 5.8 and 2.2 GB
      environment          = local.audio_environment
      statements = {
        ReadAndWriteRows = local.may_read_and_write_rows
        ReadUploads      = local.may_read_uploads
        ReadMedia        = local.may_read_media
        ListMedia        = local.may_list_media
        WriteMedia       = local.may_write_media
        KeyOfObjects     = local.may_use_key.s3.write
      }
    }

    certify = {
      description          = "Measures a render against what its recipe promised"
      image                = var.images.audio
      memory_mb            = 1769
      timeout_seconds      = 300
      ephemeral_storage_mb = 5120 # the song (1 GB), other tracks (1 GB), the render (3 GB)
      environment          = local.audio_environment
      statements = {
        ReadAndWriteRows = local.may_read_and_write_rows
        ReadUploads      = local.may_read_uploads
        ReadMedia        = local.may_read_media
        ListMedia        = local.may_list_media
        WriteMedia       = local.may_write_media
        KeyOfObjects     = local.may_use_key.s3.write
      }
    }

    notify = {
      description          = "Ends a job and announces it"
      image                = var.images.light
      memory_mb            = 256
      timeout_seconds      = 10 # a claim to announce is free again after this: shorter than the retries of its state
      ephemeral_storage_mb = 512
      environment = {
        STUDIO_TABLE         = module.tables.studio.name
        JOB_EVENTS_TOPIC_ARN = module.notifications.job_events_arn
      }
      statements = {
        ChangeRows  = local.may_change_rows
        Announce    = local.may_announce
        KeyOfEvents = local.may_use_key.sns.write
      }
    }
  }
}

module "step" {
  source   = "./modules/function"
  for_each = local.steps

  prefix                   = var.prefix
  name                     = each.key
  description              = each.value.description
  handler                  = "functions.${each.key}.handler.handler"
  image_uri                = each.value.image
  memory_mb                = each.value.memory_mb
  timeout_seconds          = each.value.timeout_seconds
  ephemeral_storage_mb     = each.value.ephemeral_storage_mb
  environment              = merge(local.common_environment, each.value.environment, { POWERTOOLS_SERVICE_NAME = each.key })
  statements               = each.value.statements
  log_retention_days       = var.log_retention_days
  kms_key_arn              = module.kms.arn
  permissions_boundary_arn = var.permissions_boundary_arn
}
