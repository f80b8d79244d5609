variable "region" {
  description = "AWS region of the states and the images: the one of the stacks."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region such as eu-west-1; \"${var.region}\" is not."
  }
}

variable "prefix" {
  description = "First word of every name; the prefixes of all stacks in the account begin with it."
  type        = string
  nullable    = false
  default     = "tonearm"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.prefix)) && !strcontains(var.prefix, "--")
    error_message = "prefix has 2 to 16 lower-case letters, digits and single hyphens and starts with a letter; \"${var.prefix}\" does not."
  }
}

variable "github_repository" {
  description = "Repository whose workflows may take the CI roles, as owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is owner/name; \"${var.github_repository}\" is not."
  }
}

variable "github_environments" {
  description = "GitHub environments that may apply. Protect them with reviewers."
  type        = list(string)
  nullable    = false
  default     = ["dev", "prod"]

  validation {
    condition     = length(var.github_environments) > 0 && alltrue([for name in var.github_environments : can(regex("^[A-Za-z0-9_-]+$", name))])
    error_message = "github_environments holds at least one name of letters, digits, \"_\" and \"-\"; a wildcard would let every environment apply."
  }
}

variable "create_oidc_provider" {
  description = "Make GitHub's identity provider; false where the account has it already (there can be only one)."
  type        = bool
  nullable    = false
  default     = true
}

variable "keep_images" {
  description = "Images that each repository keeps."
  type        = number
  nullable    = false
  default     = 50

  validation {
    condition     = var.keep_images >= 10 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images is a whole number of 10 or more: an image that a function uses must not expire; ${var.keep_images} is too few."
  }
}

variable "emulator" {
  description = "The provider talks to the emulator. Changes how Terraform connects, nothing that it makes."
  type        = bool
  nullable    = false
  default     = false
}

variable "plaintext_from" {
  description = "Networks (CIDR) that may speak plain HTTP to the state bucket. Empty on AWS."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.plaintext_from : can(cidrhost(cidr, 0)) && (startswith(cidr, "127.") || cidr == "::1/128")])
    error_message = "plaintext_from takes loopback networks only, such as 127.0.0.0/8."
  }
}
