# The table `studio`: accounts, tracks, jobs and idempotency records. docs/data-model.md holds the access patterns.

resource "aws_dynamodb_table" "studio" {
  name                        = "${var.prefix}-studio"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = toset(["pk", "sk", "track_jobs_pk", "open_pk", "open_since", "unfinished_since"])

    content {
      name = attribute.value
      type = "S"
    }
  }

  # The jobs of one track, newest first: job ids sort by time.
  global_secondary_index {
    name            = "jobs_by_track"
    hash_key        = "track_jobs_pk"
    range_key       = "sk"
    projection_type = "ALL"
  }

  # Sparse: only work that is not over yet, so that the reconciler never reads the table through.
  global_secondary_index {
    name            = "open_work"
    hash_key        = "open_pk"
    range_key       = "open_since"
    projection_type = "ALL"
  }

  # Sparse: what one owner has under way, to be counted.
  global_secondary_index {
    name            = "unfinished"
    hash_key        = "pk"
    range_key       = "unfinished_since"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
