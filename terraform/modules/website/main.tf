# One origin for people: the page from a private bucket, /v1/* from the API, both behind CloudFront.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  amazon = data.aws_partition.current.dns_suffix

  # AWS's managed policies; their ids are the same in every account.
  caching_optimized             = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  caching_disabled              = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer_except_host_header = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

  # On a laptop, sign-in and the buckets answer at one address of its own.
  emulator = var.emulator_origin == null ? [] : [var.emulator_origin]

  # Where the page signs in, and the hosts of signed links, of these buckets alone: anybody can have one of their own.
  sign_in_host = "https://cognito-idp.${data.aws_region.current.name}.${local.amazon}"
  bucket_hosts = flatten([for bucket in var.buckets : [
    "https://${bucket}.s3.${local.amazon}", "https://${bucket}.s3.${data.aws_region.current.name}.${local.amazon}",
  ]])

  content_types = {
    css  = "text/css; charset=utf-8"
    html = "text/html; charset=utf-8"
    ico  = "image/x-icon"
    js   = "text/javascript; charset=utf-8"
    json = "application/json"
    png  = "image/png"
    svg  = "image/svg+xml"
    txt  = "text/plain; charset=utf-8"
    webp = "image/webp"
  }

  pages = { for path in fileset(var.files_dir, "**") : path => {
    extension = lower(element(split(".", path), length(split(".", path)) - 1))
    # Names under assets/ carry a hash of their content; everything else may change under its name.
    cache_control = startswith(path, "assets/") ? "public, max-age=31536000, immutable" : "no-cache"
  } }
}

module "bucket" {
  source = "../bucket"

  name           = "${var.prefix}-web-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}"
  force_destroy  = true # Everything in it comes from the repository.
  plaintext_from = var.plaintext_from
  access_logs    = { bucket = var.access_logs_bucket, prefix = "web/" }

  service_grants = {
    CloudFrontReads = {
      service     = "cloudfront.amazonaws.com"
      actions     = ["s3:GetObject"]
      source_arns = [aws_cloudfront_distribution.this.arn]
    }
  }
}

resource "aws_s3_object" "page" {
  for_each = local.pages

  bucket        = module.bucket.name
  key           = each.key
  source        = "${var.files_dir}/${each.key}"
  source_hash   = filemd5("${var.files_dir}/${each.key}")
  content_type  = lookup(local.content_types, each.value.extension, "application/octet-stream")
  cache_control = each.value.cache_control
}

# What the same page needs to know of this very stack.
resource "aws_s3_object" "config" {
  bucket        = module.bucket.name
  key           = "config.json"
  content_type  = "application/json"
  cache_control = "no-cache"

  content = jsonencode(merge(
    {
      region              = data.aws_region.current.name
      user_pool_id        = var.sign_in.user_pool_id
      user_pool_client_id = var.sign_in.client_id
      api_url             = "/v1"
    },
    var.emulator_origin == null ? {} : { cognito_endpoint = var.emulator_origin },
  ))
}

resource "aws_cloudfront_origin_access_control" "bucket" {
  name                              = "${var.prefix}-web"
  description                       = "CloudFront signs what it asks of the web bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_function" "page_of_path" {
  name    = "${var.prefix}-page-of-path"
  comment = "Paths of the single page answer with the page; the API's own errors stay as they are"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = file("${path.module}/page_of_path.js")
}

resource "aws_cloudfront_response_headers_policy" "security" {
  name = "${var.prefix}-security"

  security_headers_config {
    content_security_policy {
      content_security_policy = join("; ", [
        "default-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:",
        join(" ", concat(["connect-src 'self'", local.sign_in_host], local.bucket_hosts, local.emulator)),
        join(" ", concat(["media-src 'self' blob:"], local.bucket_hosts, local.emulator)),
        "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
      ])
      override = false # /v1/docs may bring a policy of its own
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "same-origin"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  comment             = "${var.prefix} studio"
  enabled             = true
  default_root_object = "index.html"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class

  origin {
    origin_id                = "page"
    domain_name              = module.bucket.regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.bucket.id
  }

  origin {
    origin_id   = "api"
    domain_name = var.api_host

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id           = "page"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = aws_cloudfront_response_headers_policy.security.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.page_of_path.arn
    }
  }

  ordered_cache_behavior {
    path_pattern               = "/v1/*"
    target_origin_id           = "api"
    viewer_protocol_policy     = "https-only"
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_disabled
    origin_request_policy_id   = local.all_viewer_except_host_header
    response_headers_policy_id = aws_cloudfront_response_headers_policy.security.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}
