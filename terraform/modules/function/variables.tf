variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the function's folder, such as start_job; AWS sees it with hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z_]*$", var.name))
    error_message = "A function's name is its folder: lower-case words joined by \"_\"; \"${var.name}\" is not."
  }
}

variable "description" {
  description = "What the function does, in one line."
  type        = string
  nullable    = false
}

variable "handler" {
  description = "Dotted path of the handler, the same in a zip and in an image."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_]+(\\.[a-z_]+)+$", var.handler))
    error_message = "A handler is a dotted path such as functions.api.handler.handler; \"${var.handler}\" is not."
  }
}

variable "zip" {
  description = "Zip package: its path, the runtime and the layers. Null for an image."
  type = object({
    path       = string
    runtime    = optional(string, "python3.13")
    layer_arns = optional(list(string), [])
  })
  default = null
}

variable "image_uri" {
  description = "Container image, by digest. Null for a zip."
  type        = string
  default     = null

  validation {
    condition     = var.image_uri == null ? true : can(regex("@sha256:[0-9a-f]{64}$", var.image_uri))
    error_message = "An image is named by digest (…/tonearm/audio@sha256:…): a tag can move under a running function."
  }
}

variable "memory_mb" {
  description = "Memory in MB; 1769 MB bring one whole processor."
  type        = number
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "Lambda gives 128 to 10240 MB; ${var.memory_mb} is outside."
  }
}

variable "timeout_seconds" {
  description = "Longest run in seconds."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "Lambda runs 1 to 900 s; ${var.timeout_seconds} is outside."
  }
}

variable "ephemeral_storage_mb" {
  description = "Size of /tmp in MB."
  type        = number
  nullable    = false
  default     = 512

  validation {
    condition     = var.ephemeral_storage_mb >= 512 && var.ephemeral_storage_mb <= 10240
    error_message = "Lambda's /tmp has 512 to 10240 MB; ${var.ephemeral_storage_mb} is outside."
  }
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "statements" {
  description = "What the function may do beyond its own logs and traces, by statement id."
  type = map(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(list(object({ test = string, variable = string, values = list(string) })), [])
  }))
  nullable = false

  validation {
    condition     = alltrue(flatten([for s in var.statements : [for action in s.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", action))]]))
    error_message = "Each action is one action by name, such as dynamodb:GetItem, never a wildcard."
  }

  validation {
    condition     = alltrue(flatten([for s in var.statements : [for resource in s.resources : resource != "*"]]))
    error_message = "Each statement names its resources; \"*\" would reach everything in the account."
  }

  validation {
    condition     = alltrue([for s in var.statements : length(s.actions) > 0 && length(s.resources) > 0])
    error_message = "Each statement needs at least one action and one resource."
  }

  validation {
    condition     = alltrue([for sid, s in var.statements : can(regex("^[A-Za-z0-9]+$", sid))])
    error_message = "A statement id has letters and digits only."
  }
}

variable "asynchronous" {
  description = "Set where events reach the function asynchronously: tries after the first, and how long an event may wait."
  type        = object({ retries = optional(number, 2), max_age_seconds = optional(number, 21600) })
  default     = null

  validation {
    condition     = var.asynchronous == null ? true : contains([0, 1, 2], var.asynchronous.retries)
    error_message = "Lambda tries an event 0, 1 or 2 times more."
  }

  validation {
    condition     = var.asynchronous == null ? true : var.asynchronous.max_age_seconds >= 60 && var.asynchronous.max_age_seconds <= 21600
    error_message = "An event waits 60 to 21600 s."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the logs and the dead letters."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Boundary of the function's role; null for none."
  type        = string
  default     = null
}
