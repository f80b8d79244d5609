variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens; \"${var.name}\" does not. Shorten the prefix."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects; null for the key that S3 owns (log delivery and CloudFront cannot use ours)."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Delete the objects with the bucket. Only for stacks whose content may be lost."
  type        = bool
  nullable    = false
  default     = false
}

variable "plaintext_from" {
  description = "Networks (CIDR) that may speak plain HTTP to the bucket. Empty on AWS: everyone needs TLS."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.plaintext_from : can(cidrhost(cidr, 0))])
    error_message = "plaintext_from takes networks such as 127.0.0.0/8."
  }
}

variable "access_logs" {
  description = "Where S3 writes this bucket's access logs; null for the bucket that receives them."
  type        = object({ bucket = string, prefix = string })
  default     = null
}

variable "cors" {
  description = "Pages (origins) that may call the bucket from a browser, and with which methods; null for none."
  type        = object({ origins = list(string), methods = list(string) })
  default     = null

  validation {
    condition     = var.cors == null ? true : !contains(var.cors.origins, "*")
    error_message = "cors.origins names each page's origin; \"*\" would let any page use a user's link."
  }
}

variable "expire" {
  description = "Objects under `prefix` are deleted `days` after they were written; null keeps them."
  type        = object({ prefix = string, days = number })
  default     = null

  validation {
    condition     = var.expire == null ? true : var.expire.days >= 1 && floor(var.expire.days) == var.expire.days
    error_message = "expire.days is a whole number of days, 1 or more."
  }
}

variable "noncurrent_days" {
  description = "Days that an overwritten or deleted version can still be restored."
  type        = number
  nullable    = false
  default     = 7

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days is a whole number of days, 1 or more."
  }
}

variable "abort_multipart_days" {
  description = "Days after which an unfinished multipart upload is thrown away."
  type        = number
  nullable    = false
  default     = 2

  validation {
    condition     = var.abort_multipart_days >= 1 && floor(var.abort_multipart_days) == var.abort_multipart_days
    error_message = "abort_multipart_days is a whole number of days, 1 or more."
  }
}

variable "eventbridge" {
  description = "Send the bucket's events to EventBridge."
  type        = bool
  nullable    = false
  default     = false
}

variable "service_grants" {
  description = "AWS services that may act on the objects, always for this account only, by statement id."
  type = map(object({
    service     = string
    actions     = list(string)
    source_arns = optional(list(string), [])
  }))
  nullable = false
  default  = {}

  validation {
    condition     = alltrue(flatten([for grant in var.service_grants : [for action in grant.actions : can(regex("^s3:[A-Za-z]+$", action))]]))
    error_message = "service_grants name single S3 actions such as s3:GetObject, never a wildcard."
  }
}
