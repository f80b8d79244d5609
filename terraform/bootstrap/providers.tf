provider "aws" {
  region = var.region

  # As in the root module: how to reach the emulator, nothing else.
  s3_use_path_style           = var.emulator
  skip_credentials_validation = var.emulator
  skip_metadata_api_check     = var.emulator

  default_tags {
    tags = {
      Project   = "tonearm"
      Stack     = "${var.prefix}-bootstrap"
      ManagedBy = "terraform"
    }
  }
}
