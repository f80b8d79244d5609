variable "alias" {
  description = "Alias of the key, without \"alias/\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9/_-]+$", var.alias)) && !startswith(var.alias, "aws/")
    error_message = "A key alias has letters, digits, \"/\", \"_\" and \"-\", and does not start with \"aws/\"."
  }
}

variable "description" {
  description = "What the key protects."
  type        = string
  nullable    = false
}

variable "deletion_window_days" {
  description = "Days during which a deleted key can be brought back, with everything it encrypts."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "AWS keeps a deleted key for 7 to 30 days; ${var.deletion_window_days} is outside."
  }
}

variable "used_by" {
  description = "What AWS encrypts with the key on its own: events (into queues), logs, tables."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for use in var.used_by : contains(["events", "logs", "tables"], use)])
    error_message = "used_by holds some of events, logs and tables."
  }
}
