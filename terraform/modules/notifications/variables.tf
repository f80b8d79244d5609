variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the messages."
  type        = string
  nullable    = false
}
