# Every value that can be wrong is refused before anything is made.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment   = "dev"
  region        = "eu-west-1"
  artifacts_dir = "./tests/artifacts"
  web_dir       = "./tests/page"
  images = {
    light = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/light@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    audio = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/audio@sha256:0000000000000000000000000000000000000000000000000000000000000002"
  }
}

# Several wrong values a run: a run plans the whole stack.

run "below_what_makes_sense" {
  command = plan

  variables {
    environment           = ""
    prefix                = "t"
    tier_limits           = { free = { max_upload_bytes = 0, max_duration_s = 1200 }, pro = { max_upload_bytes = 1, max_duration_s = 1200 } }
    track_retention_days  = 0
    api_throttle          = { rate = 0, burst = 5 }
    start_job_concurrency = 1
    log_retention_days    = 0
  }

  expect_failures = [
    var.environment, var.prefix, var.tier_limits, var.track_retention_days, var.api_throttle,
    var.start_job_concurrency, var.log_retention_days,
  ]
}

run "above_what_aws_takes" {
  command = plan

  variables {
    prefix                = "seventeen-letters"
    tier_limits           = { free = { max_upload_bytes = 1, max_duration_s = 1 }, pro = { max_upload_bytes = 1000000001, max_duration_s = 1 } }
    track_retention_days  = 3651
    api_throttle          = { rate = 10, burst = 5 }
    start_job_concurrency = 1001
    log_retention_days    = 4000
  }

  expect_failures = [
    var.prefix, var.tier_limits, var.track_retention_days, var.api_throttle,
    var.start_job_concurrency, var.log_retention_days,
  ]
}

run "words_that_mean_nothing" {
  command = plan

  variables {
    environment              = "staging"
    region                   = "europe"
    prefix                   = "Tonearm"
    images                   = { light = "registry/tonearm/light:latest", audio = "registry/tonearm/audio:latest" }
    log_level                = "LOUD"
    log_retention_days       = 8
    extra_web_origins        = ["*"]
    plaintext_from           = ["everywhere"]
    emulator_origin          = "http://emulator.example.com:4566"
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/x"
  }

  expect_failures = [
    var.environment, var.region, var.prefix, var.images, var.log_level, var.log_retention_days, var.extra_web_origins,
    var.plaintext_from, var.emulator_origin, var.permissions_boundary_arn,
  ]
}

run "nearly_right" {
  command = plan

  variables {
    prefix               = "tonearm-"
    tier_limits          = { free = { max_upload_bytes = 1.5, max_duration_s = 1 }, pro = { max_upload_bytes = 2, max_duration_s = 1 } }
    track_retention_days = 1.5
    extra_web_origins    = ["https://example.com/studio"]
    plaintext_from       = ["10.0.0.0/8"]
    images = {
      light = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/light@sha256:0000000000000000000000000000000000000000000000000000000000000001"
      audio = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/audio@sha256:2"
    }
  }

  expect_failures = [
    var.prefix, var.tier_limits, var.track_retention_days, var.extra_web_origins, var.plaintext_from, var.images,
  ]
}

run "two_hyphens_in_a_row" {
  command = plan

  variables {
    prefix = "tone--arm"
  }

  expect_failures = [var.prefix]
}

# Each of what else can be wrong with the table of tiers.

run "tiers_that_are_too_short" {
  command = plan

  variables {
    tier_limits = { free = { max_upload_bytes = 1, max_duration_s = 0 }, pro = { max_upload_bytes = 1, max_duration_s = 1 } }
  }

  expect_failures = [var.tier_limits]
}

run "tiers_that_are_too_long" {
  command = plan

  variables {
    tier_limits = { free = { max_upload_bytes = 1, max_duration_s = 1 }, pro = { max_upload_bytes = 1, max_duration_s = 7201 } }
  }

  expect_failures = [var.tier_limits]
}

run "a_tier_is_missing" {
  command = plan

  variables {
    tier_limits = { free = { max_upload_bytes = 1, max_duration_s = 1 } }
  }

  expect_failures = [var.tier_limits]
}

run "a_tier_that_nobody_knows" {
  command = plan

  variables {
    tier_limits = {
      free = { max_upload_bytes = 1, max_duration_s = 1 }
      pro  = { max_upload_bytes = 1, max_duration_s = 1 }
      gold = { max_upload_bytes = 1, max_duration_s = 1 }
    }
  }

  expect_failures = [var.tier_limits]
}

run "the_higher_tier_allows_less" {
  command = plan

  variables {
    tier_limits = { free = { max_upload_bytes = 2, max_duration_s = 1 }, pro = { max_upload_bytes = 1, max_duration_s = 1 } }
  }

  expect_failures = [var.tier_limits]
}
