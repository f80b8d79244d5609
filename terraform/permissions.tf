# What functions may do, said once each; functions.tf picks from here. One statement, one thing.

data "aws_partition" "current" {}

locals {
  uploads_objects = "${module.storage.uploads.arn}/uploads/*"
  media_objects   = "${module.storage.media.arn}/media/*"
  executions      = "${replace(module.workflow.state_machine_arn, ":stateMachine:", ":execution:")}:*"

  # Rows. A table's key is used by DynamoDB itself (modules/kms), so no function needs it for rows.
  may_read_and_write_rows = { actions = ["dynamodb:GetItem", "dynamodb:PutItem"], resources = [module.tables.studio.arn] }
  may_change_rows = {
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [module.tables.studio.arn]
  }
  may_query_rows = { actions = ["dynamodb:Query"], resources = concat([module.tables.studio.arn], module.tables.studio.index_arns) }

  # Audio.
  may_read_uploads   = { actions = ["s3:GetObject", "s3:GetObjectVersion"], resources = [local.uploads_objects] }
  may_write_uploads  = { actions = ["s3:PutObject"], resources = [local.uploads_objects] }
  may_delete_uploads = { actions = ["s3:DeleteObject", "s3:DeleteObjectVersion"], resources = [local.uploads_objects] }
  may_read_media     = { actions = ["s3:GetObject"], resources = [local.media_objects] }
  may_write_media    = { actions = ["s3:PutObject"], resources = [local.media_objects] }
  may_delete_media   = { actions = ["s3:DeleteObject", "s3:DeleteObjectVersion"], resources = [local.media_objects] }
  # Listing is also what makes S3 answer 404, and not 403, for an object that is not there.
  may_list_uploads = {
    actions    = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources  = [module.storage.uploads.arn]
    conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["uploads/*"] }]
  }
  may_list_media = {
    actions    = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources  = [module.storage.media.arn]
    conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["media/*"] }]
  }

  # Jobs.
  may_queue_jobs          = { actions = ["sqs:SendMessage"], resources = [module.jobs_queue.arn] }
  may_read_the_jobs_queue = { actions = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], resources = [module.jobs_queue.arn] }
  may_start_executions    = { actions = ["states:StartExecution"], resources = [module.workflow.state_machine_arn] }
  may_stop_executions     = { actions = ["states:StopExecution"], resources = [local.executions] }
  may_read_executions     = { actions = ["states:DescribeExecution"], resources = [local.executions] }
  may_announce            = { actions = ["sns:Publish"], resources = [module.notifications.job_events_arn] }

  # The key, and only through the service whose content it opens.
  may_use_key = { for service in ["s3", "sns", "sqs"] : service => {
    read  = { actions = ["kms:Decrypt"], resources = [module.kms.arn], conditions = [local.only_through[service]] }
    write = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [module.kms.arn], conditions = [local.only_through[service]] }
  } }
  only_through = { for service in ["s3", "sns", "sqs"] : service => {
    test     = "StringEquals"
    variable = "kms:ViaService"
    values   = ["${service}.${var.region}.${data.aws_partition.current.dns_suffix}"]
  } }
}
