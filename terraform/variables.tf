# ------------------------------------------------------------------ which stack

variable "environment" {
  description = "Which stack this is: local, dev or prod. A label on tags; nothing decides by it."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["local", "dev", "prod"], var.environment)
    error_message = "environment is local, dev or prod; \"${var.environment}\" is none of them."
  }
}

variable "region" {
  description = "AWS region of everything but CloudFront."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region such as eu-west-1; \"${var.region}\" is not."
  }
}

variable "prefix" {
  description = "First word of every name, so that stacks can stand side by side in one account."
  type        = string
  nullable    = false
  default     = "tonearm"

  validation {
    # 16: `<prefix>-access-logs-<account>-<region>` must fit into the 63 letters of a bucket's name.
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.prefix)) && !strcontains(var.prefix, "--")
    error_message = "prefix has 2 to 16 lower-case letters, digits and single hyphens and starts with a letter; \"${var.prefix}\" does not."
  }
}

# ------------------------------------------------------------------ what is deployed

variable "artifacts_dir" {
  description = "Folder of the packages: functions-<name>.zip and layer-core.zip."
  type        = string
  nullable    = false
  default     = "../build"
}

variable "statemachines_dir" {
  description = "Folder of the state machines' definitions."
  type        = string
  nullable    = false
  default     = "../statemachines"
}

variable "web_dir" {
  description = "Folder of the page's files."
  type        = string
  nullable    = false
  default     = "../build/web"
}

variable "images" {
  description = "Container images of the workflow's steps, by digest, from the registry that bootstrap/ makes."
  type        = object({ light = string, audio = string })
  nullable    = false

  validation {
    condition     = alltrue([for uri in [var.images.light, var.images.audio] : can(regex("^[^@]+@sha256:[0-9a-f]{64}$", uri))])
    error_message = "Each of images.light and images.audio is named by digest (<registry>/tonearm/audio@sha256:<64 hex digits>): a tag can move under a running function."
  }
}

# ------------------------------------------------------------------ limits of the product

variable "tier_limits" {
  description = "What one upload may be, by tier: its size in bytes and its length in seconds. Users are free; those in the group tier-pro are pro."
  type        = map(object({ max_upload_bytes = number, max_duration_s = number }))
  nullable    = false
  default = {
    free = { max_upload_bytes = 104857600, max_duration_s = 1200 }
    pro  = { max_upload_bytes = 1000000000, max_duration_s = 7200 }
  }

  validation {
    condition     = toset(keys(var.tier_limits)) == toset(["free", "pro"])
    error_message = "tier_limits has the tiers free and pro; it has ${jsonencode(keys(var.tier_limits))}."
  }

  validation {
    condition     = alltrue([for limits in var.tier_limits : limits.max_upload_bytes >= 1 && limits.max_upload_bytes <= 1000000000 && floor(limits.max_upload_bytes) == limits.max_upload_bytes])
    error_message = "Each max_upload_bytes of tier_limits is a whole number from 1 to 1000000000, what the steps' disks have room for beside what they write."
  }

  validation {
    condition     = alltrue([for limits in var.tier_limits : limits.max_duration_s >= 1 && limits.max_duration_s <= 7200])
    error_message = "Each max_duration_s of tier_limits lies between 1 and 7200 s. Longer tracks do not fit into one function's time and disk."
  }

  validation {
    condition = try(
      var.tier_limits.pro.max_upload_bytes >= var.tier_limits.free.max_upload_bytes && var.tier_limits.pro.max_duration_s >= var.tier_limits.free.max_duration_s,
      true # which tiers there are is said above
    )
    error_message = "Tier pro of tier_limits allows no less than tier free."
  }
}

variable "track_retention_days" {
  description = "Days that a track and its files live."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.track_retention_days >= 1 && var.track_retention_days <= 3650 && floor(var.track_retention_days) == var.track_retention_days
    error_message = "track_retention_days is a whole number from 1 to 3650; ${var.track_retention_days} is not."
  }
}

variable "api_throttle" {
  description = "Requests per second that the API takes over all users, and the burst above it."
  type        = object({ rate = number, burst = number })
  nullable    = false
  default     = { rate = 50, burst = 100 }

  validation {
    condition     = var.api_throttle.rate >= 1 && var.api_throttle.burst >= var.api_throttle.rate
    error_message = "api_throttle needs a rate of at least 1 and a burst no smaller than the rate; it has ${var.api_throttle.rate} and ${var.api_throttle.burst}."
  }
}

variable "start_job_concurrency" {
  description = "Most copies of start_job that read the queue at once: how fast a burst becomes executions."
  type        = number
  nullable    = false
  default     = 10

  validation {
    condition     = var.start_job_concurrency >= 2 && var.start_job_concurrency <= 1000
    error_message = "start_job_concurrency lies between 2 and 1000; ${var.start_job_concurrency} does not."
  }
}

# ------------------------------------------------------------------ operation

variable "log_level" {
  description = "Least important log line that is written."
  type        = string
  nullable    = false
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARNING, ERROR or CRITICAL; \"${var.log_level}\" is none of them."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days; ${var.log_retention_days} is none of them."
  }
}

variable "protect_data" {
  description = "Refuse to delete what users own: table, user pool, and buckets that are not empty."
  type        = bool
  nullable    = false
  default     = true
}

variable "point_in_time_recovery" {
  description = "Keep 35 days of continuous backup of the tables."
  type        = bool
  nullable    = false
  default     = true
}

variable "self_sign_up" {
  description = "People may sign themselves up; false leaves it to an admin."
  type        = bool
  nullable    = false
  default     = true
}

variable "extra_web_origins" {
  description = "Origins besides the stack's own page that may upload and play from a browser."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for origin in var.extra_web_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "Each of extra_web_origins is scheme, host and perhaps port, such as https://studio.example.com, with no path and no \"*\"."
  }
}

variable "permissions_boundary_arn" {
  description = "Boundary of every role that this stack makes (bootstrap's output permissions_boundary_arn); null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of an IAM policy."
  }
}

# ------------------------------------------------------------------ the laptop; docs/limits.md gives each reason

variable "emulator" {
  description = "The provider talks to the emulator. Changes how Terraform connects, nothing that it makes."
  type        = bool
  nullable    = false
  default     = false
}

variable "plaintext_from" {
  description = "Networks (CIDR) that may speak plain HTTP to the buckets. Empty on AWS."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.plaintext_from : can(cidrhost(cidr, 0)) && (startswith(cidr, "127.") || cidr == "::1/128")])
    error_message = "plaintext_from takes loopback networks only, such as 127.0.0.0/8: nobody else may send audio in the clear."
  }
}

variable "emulator_origin" {
  description = "Origin of the emulator, which the page may talk to besides its own; null on AWS."
  type        = string
  default     = null

  validation {
    condition     = var.emulator_origin == null ? true : can(regex("^http://(127\\.0\\.0\\.1|localhost):[0-9]{1,5}$", var.emulator_origin))
    error_message = "emulator_origin is an address of this machine such as http://127.0.0.1:4566: the page sends passwords there."
  }
}
