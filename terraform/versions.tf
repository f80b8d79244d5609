terraform {
  # 1.11: state locking by S3 itself, and mocks that give values while planning.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
