variable "prefix" {
  description = "First word of every name in the stack."
  type        = string
  nullable    = false
}

variable "files_dir" {
  description = "Folder whose files are the page."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.files_dir}/index.html")
    error_message = "${var.files_dir} holds no index.html. Build the page, or point web_dir at the folder that holds it."
  }
}

variable "api_host" {
  description = "Host name of the API that answers under /v1/."
  type        = string
  nullable    = false
}

variable "sign_in" {
  description = "Where the page's people sign in: the user pool, and the page's client of it."
  type        = object({ user_pool_id = string, client_id = string })
  nullable    = false
}

variable "buckets" {
  description = "Names of the buckets that the page uploads to and plays from, by signed links."
  type        = list(string)
  nullable    = false
}

variable "emulator_origin" {
  description = "Origin of the emulator, where a laptop's page signs in, uploads and plays; null on AWS."
  type        = string
  default     = null
}

variable "access_logs_bucket" {
  description = "Bucket of the access logs."
  type        = string
  nullable    = false
}

variable "price_class" {
  description = "Where CloudFront serves from: PriceClass_100, PriceClass_200 or PriceClass_All."
  type        = string
  nullable    = false
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class is PriceClass_100, PriceClass_200 or PriceClass_All; \"${var.price_class}\" is none of them."
  }
}

variable "plaintext_from" {
  description = "Networks (CIDR) that may speak plain HTTP to the bucket."
  type        = list(string)
  nullable    = false
  default     = []
}
