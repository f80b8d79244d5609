variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "definition_path" {
  description = "File of the state machine's definition, a template with <step>_function_arn placeholders."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.definition_path)
    error_message = "There is no file ${var.definition_path}. Point statemachines_dir at the folder that holds process_track.asl.json."
  }
}

variable "steps" {
  description = "The functions that the state machine calls, by step."
  type        = map(object({ alias_arn = string }))
  nullable    = false
}

variable "uploads_bucket" {
  description = "Name of the bucket whose new objects start jobs."
  type        = string
  nullable    = false
}

variable "jobs_queue" {
  description = "The queue between events and `start_job`."
  type        = object({ arn = string, dead_letters_arn = string })
  nullable    = false
}

variable "start_job" {
  description = "The function that reads the queue."
  type        = object({ alias_arn = string })
  nullable    = false
}

variable "start_job_concurrency" {
  description = "Most copies of `start_job` that read the queue at once."
  type        = number
  nullable    = false
  default     = 10

  validation {
    condition     = var.start_job_concurrency >= 2 && var.start_job_concurrency <= 1000
    error_message = "A queue's reader has 2 to 1000 copies; ${var.start_job_concurrency} is outside."
  }
}

variable "reconcile" {
  description = "The function that gives every job its end."
  type        = object({ name = string, alias_arn = string, alias_name = string })
  nullable    = false
}

variable "reconcile_schedule" {
  description = "How often `reconcile` looks for jobs without an end."
  type        = string
  nullable    = false
  default     = "rate(5 minutes)"

  validation {
    condition     = can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\([^)]+\\))$", var.reconcile_schedule))
    error_message = "reconcile_schedule is rate(5 minutes) or cron(…); \"${var.reconcile_schedule}\" is neither."
  }
}

variable "log_retention_days" {
  description = "Days that the state machine's logs are kept."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the logs."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Boundary of the state machine's role; null for none."
  type        = string
  default     = null
}
