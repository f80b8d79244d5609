variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts uploads and media."
  type        = string
  nullable    = false
}

variable "web_origins" {
  description = "Origins of the pages that upload and play, such as https://studio.example.com."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.web_origins) > 0
    error_message = "web_origins is empty: no page could upload. Give at least one origin."
  }
}

variable "track_retention_days" {
  description = "Days that a track lives; S3 deletes what is left a week later."
  type        = number
  nullable    = false

  validation {
    condition     = var.track_retention_days >= 1 && floor(var.track_retention_days) == var.track_retention_days
    error_message = "track_retention_days is a whole number of days, 1 or more."
  }
}

variable "access_log_retention_days" {
  description = "Days that access logs are kept."
  type        = number
  nullable    = false
  default     = 90

  validation {
    condition     = var.access_log_retention_days >= 1 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "access_log_retention_days is a whole number of days, 1 or more."
  }
}

variable "force_destroy" {
  description = "Delete the audio with the buckets."
  type        = bool
  nullable    = false
  default     = false
}

variable "plaintext_from" {
  description = "Networks (CIDR) that may speak plain HTTP to the buckets."
  type        = list(string)
  nullable    = false
  default     = []
}
