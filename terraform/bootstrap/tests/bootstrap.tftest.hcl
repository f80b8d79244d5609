# What stands before the first stack: states, images, and CI roles that cannot grow.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

override_resource {
  target          = aws_iam_policy.boundary
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/t-ci-boundary" }
}

override_resource {
  target          = module.state.aws_s3_bucket.this
  override_during = plan
  values          = { arn = "arn:aws:s3:::tt-state" }
}

variables {
  region            = "eu-west-1"
  prefix            = "tt"
  github_repository = "example/tonearm"
}

run "images_are_written_once_and_scanned" {
  command = plan

  assert {
    condition = { for key, repository in aws_ecr_repository.image : key => [
      repository.name, repository.image_tag_mutability, tostring(repository.image_scanning_configuration[0].scan_on_push),
      ] } == {
      audio = ["tt/audio", "IMMUTABLE", "true"]
      light = ["tt/light", "IMMUTABLE", "true"]
    }
    error_message = "A tag could be overwritten, or an image is not scanned."
  }

  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.image : length(jsondecode(policy.policy).rules) == 2])
    error_message = "Old images would be paid for ever."
  }
}

run "only_this_repository_takes_the_roles" {
  command = plan

  assert {
    condition = { for name, role in aws_iam_role.ci : name => jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] } == {
      apply = ["repo:example/tonearm:environment:dev", "repo:example/tonearm:environment:prod"]
      plan  = ["repo:example/tonearm:pull_request", "repo:example/tonearm:ref:refs/heads/main"]
    }
    error_message = "Another repository, or a pull request, could take the role that applies."
  }

  assert {
    condition = alltrue([for role in aws_iam_role.ci :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    ])
    error_message = "A token for another audience could take the role."
  }
}

run "apply_cannot_grow_its_own_rights" {
  command = plan

  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::111122223333:policy/t-ci-boundary"
      if statement.Effect == "Allow" && (contains(flatten([statement.Action]), "iam:CreateRole") || contains(flatten([statement.Action]), "iam:PutRolePolicy"))
    ])
    error_message = "apply could make a role outside the boundary, and take it."
  }

  assert {
    condition = anytrue([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement :
      statement.Effect == "Deny" && flatten([statement.Action]) == ["iam:*"] && toset(flatten([statement.Resource])) == toset(["arn:aws:iam::111122223333:role/tt-ci-*", "arn:aws:iam::111122223333:policy/t-ci-boundary"])
    ])
    error_message = "apply could change its own role or the boundary."
  }

  assert {
    condition = alltrue(flatten([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement : [
      for action in flatten([statement.Action]) : !strcontains(action, "*")
    ] if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "*")]))
    error_message = "apply holds a wildcard action on every resource."
  }
}

run "the_boundary_keeps_roles_from_iam_and_states" {
  command = plan

  assert {
    condition = alltrue(flatten([for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : [
      for action in flatten([statement.Action]) : !strcontains(action, "*") && !startswith(action, "iam:") && !startswith(action, "sts:")
    ] if statement.Effect == "Allow"]))
    error_message = "A role inside the boundary could change roles, or holds a wildcard."
  }

  assert {
    condition = anytrue([for statement in jsondecode(aws_iam_policy.boundary.policy).Statement :
      statement.Effect == "Deny" && contains(flatten([statement.Resource]), "arn:aws:s3:::tt-state/*")
    ])
    error_message = "A role inside the boundary could read the states."
  }
}

run "plan_sees_no_content" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "logs:GetLogEvents", "sqs:ReceiveMessage", "s3:GetObject"],
      flatten([for statement in jsondecode(aws_iam_role_policy.plan_not_content.policy).Statement : statement.Action if statement.Effect == "Deny"]),
    )) == 0
    error_message = "A pull request could read what users own."
  }
}

run "an_account_that_has_the_provider_keeps_it" {
  command = plan

  variables {
    create_oidc_provider = false
  }

  assert {
    condition = length(aws_iam_openid_connect_provider.github) == 0 && alltrue([for role in aws_iam_role.ci :
      jsondecode(role.assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    ])
    error_message = "A second identity provider for GitHub cannot be made."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    region              = "europe"
    prefix              = "Tonearm"
    github_repository   = "tonearm"
    github_environments = ["*"]
    keep_images         = 5
    plaintext_from      = ["10.0.0.0/8"]
  }

  expect_failures = [
    var.region, var.prefix, var.github_repository, var.github_environments, var.keep_images, var.plaintext_from,
  ]
}
