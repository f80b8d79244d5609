variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "function" {
  description = "The function that answers."
  type        = object({ name = string, alias_name = string, invoke_arn = string })
  nullable    = false
}

variable "jwt" {
  description = "Whose tokens open the API: their issuer and audience (the client's id)."
  type        = object({ issuer = string, audience = string })
  nullable    = false

  validation {
    condition     = startswith(var.jwt.issuer, "https://")
    error_message = "jwt.issuer is an https:// address; \"${var.jwt.issuer}\" is not."
  }
}

variable "throttle" {
  description = "Requests per second over all users, and the burst above it."
  type        = object({ rate = number, burst = number })
  nullable    = false

  validation {
    condition     = var.throttle.rate >= 1 && var.throttle.burst >= var.throttle.rate
    error_message = "throttle needs a rate of at least 1 and a burst no smaller than the rate; it has ${var.throttle.rate} and ${var.throttle.burst}."
  }
}

variable "log_retention_days" {
  description = "Days that the access log is kept."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the access log."
  type        = string
  nullable    = false
}
