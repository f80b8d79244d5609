# One plan for the values of one environment, given on the command line:
#   terraform test -test-directory=tests/environments -var-file=environments/prod.tfvars
# tests/infrastructure reads the plan from its output and looks at every resource.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  artifacts_dir = "./tests/artifacts"
  web_dir       = "./tests/page"
  images = {
    light = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/light@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    audio = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tonearm/audio@sha256:0000000000000000000000000000000000000000000000000000000000000002"
  }
}

run "the_environments_values_are_valid" {
  command = plan

  assert {
    condition     = output.region == var.region
    error_message = "The stack stands in another region than asked."
  }
}
