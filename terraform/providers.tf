provider "aws" {
  region = var.region

  # The emulator answers on one host, so buckets cannot be host names, and it has neither an STS that knows real keys
  # nor instance metadata. Its address comes from AWS_ENDPOINT_URL alone.
  s3_use_path_style           = var.emulator
  skip_credentials_validation = var.emulator
  skip_metadata_api_check     = var.emulator

  default_tags {
    tags = {
      Project     = "tonearm"
      Environment = var.environment
      Stack       = var.prefix
      ManagedBy   = "terraform"
    }
  }
}
