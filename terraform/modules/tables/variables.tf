variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the rows."
  type        = string
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the table."
  type        = bool
  nullable    = false
  default     = true
}

variable "point_in_time_recovery" {
  description = "Keep 35 days of continuous backup."
  type        = bool
  nullable    = false
  default     = true
}
