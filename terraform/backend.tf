# State lies in the bucket that bootstrap/ makes; S3 itself locks it. The rest of the configuration comes with init:
#   terraform init -backend-config=environments/dev.s3.tfbackend -backend-config="bucket=<bootstrap's state_bucket>"
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
