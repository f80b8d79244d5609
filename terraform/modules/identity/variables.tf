variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the user pool."
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

variable "groups" {
  description = "Groups by name; the lowest precedence wins."
  type        = map(object({ description = string, precedence = number }))
  nullable    = false
  default = {
    admin      = { description = "May see and mend everything.", precedence = 1 }
    "tier-pro" = { description = "May upload what tier pro allows.", precedence = 2 }
  }

  validation {
    condition     = length(setsubtract(["admin", "tier-pro"], keys(var.groups))) == 0
    error_message = "groups needs \"admin\" and \"tier-pro\": the API grants its operator routes and the limits of tier pro to these names."
  }
}
