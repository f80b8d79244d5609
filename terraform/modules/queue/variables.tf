variable "name" {
  description = "Name of the queue; its dead-letter queue adds \"-dlq\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,76}$", var.name))
    error_message = "A queue name has up to 76 letters, digits, \"_\" and \"-\", so that \"-dlq\" still fits."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the messages."
  type        = string
  nullable    = false
}

variable "visibility_timeout_seconds" {
  description = "How long a message is hidden while it is worked on: six times the consumer's timeout, says AWS."
  type        = number
  nullable    = false

  validation {
    condition     = var.visibility_timeout_seconds >= 1 && var.visibility_timeout_seconds <= 43200
    error_message = "SQS hides a message for 1 to 43200 s; ${var.visibility_timeout_seconds} is outside."
  }
}

variable "retention_seconds" {
  description = "How long an unread message is kept."
  type        = number
  nullable    = false
  default     = 345600

  validation {
    condition     = var.retention_seconds >= 60 && var.retention_seconds <= 1209600
    error_message = "SQS keeps messages for 60 to 1209600 s (14 days); ${var.retention_seconds} is outside."
  }
}

variable "max_receives" {
  description = "Attempts before a message goes to the dead-letter queue."
  type        = number
  nullable    = false
  default     = 5

  validation {
    condition     = var.max_receives >= 1 && var.max_receives <= 1000
    error_message = "max_receives lies between 1 and 1000; ${var.max_receives} does not."
  }
}

variable "senders" {
  description = "AWS services that may send, with the ARNs on whose behalf, by statement id."
  type        = map(object({ service = string, source_arns = list(string) }))
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for sender in var.senders : length(sender.source_arns) > 0])
    error_message = "Each sender names the source ARNs that it acts for; without them any account's events could enter."
  }
}
