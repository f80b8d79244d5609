# Two roles for GitHub Actions, without stored keys: `plan` reads what is deployed but no content of it, and any pull
# request may have it; `apply` changes it, from protected GitHub environments only, and inside the boundary.

locals {
  oidc_host = "token.actions.githubusercontent.com"
  oidc_arn  = var.create_oidc_provider ? aws_iam_openid_connect_provider.github[0].arn : "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.oidc_host}"

  subjects = {
    plan  = ["repo:${var.github_repository}:pull_request", "repo:${var.github_repository}:ref:refs/heads/main"]
    apply = [for environment in var.github_environments : "repo:${var.github_repository}:environment:${environment}"]
  }

  own_roles = ["arn:${local.partition}:iam::${local.account}:role/${var.prefix}-ci-*"]
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 1 : 0

  url            = "https://${local.oidc_host}"
  client_id_list = ["sts.${local.suffix}"]
}

resource "aws_iam_role" "ci" {
  for_each = local.subjects

  name                 = "${var.prefix}-ci-${each.key}"
  description          = "Tonearm's CI: terraform ${each.key}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.oidc_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.oidc_host}:aud" = "sts.${local.suffix}"
        "${local.oidc_host}:sub" = each.value
      } }
    }]
  })
}

# ------------------------------------------------------------------ both: the states

resource "aws_iam_role_policy" "state" {
  for_each = aws_iam_role.ci

  name = "state"
  role = each.value.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "FindStates", Effect = "Allow", Action = "s3:ListBucket", Resource = module.state.arn },
      { Sid = "ReadStates", Effect = "Allow", Action = "s3:GetObject", Resource = local.state_objects },
      {
        Sid      = "HoldLocks"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = ["${module.state.arn}/*.tflock"]
      },
      { Sid = "StatesKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.kms.arn },
    ]
  })
}

# ------------------------------------------------------------------ plan

resource "aws_iam_role_policy_attachment" "plan_reads" {
  role       = aws_iam_role.ci["plan"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "plan_not_content" {
  name = "no-content"
  role = aws_iam_role.ci["plan"].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "NoContent"
        Effect = "Deny"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:PartiQLSelect", "dynamodb:Query",
          "dynamodb:Scan", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:StartQuery",
          "sqs:ReceiveMessage", "states:GetExecutionHistory", "cognito-idp:AdminGetUser", "cognito-idp:ListUsers",
        ]
        Resource = "*"
      },
      {
        # The page's files are public, and Terraform compares them.
        Sid         = "NoObjects"
        Effect      = "Deny"
        Action      = ["s3:GetObject", "s3:GetObjectVersion"]
        NotResource = concat(local.state_objects, ["arn:${local.partition}:s3:::${var.prefix}*-web-*"])
      },
    ]
  })
}

# ------------------------------------------------------------------ apply

resource "aws_iam_role_policy_attachment" "apply_reads" {
  role       = aws_iam_role.ci["apply"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "apply" {
  name = "apply"
  role = aws_iam_role.ci["apply"].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "WriteStates", Effect = "Allow", Action = "s3:PutObject", Resource = local.state_objects },
      {
        # Services whose resources carry names: everything, on Tonearm's names only.
        Sid    = "NamedResources"
        Effect = "Allow"
        Action = [
          "dynamodb:*", "events:*", "lambda:*", "logs:*", "s3:*", "sns:*", "sqs:*", "states:*",
        ]
        Resource = concat(
          local.named.dynamodb, local.named.events, local.named.lambda, local.named.layers, local.named.logs,
          [for arn in local.named.layers : "${arn}:*"], [for arn in local.named.logs : "${arn}:*"],
          local.named.s3, local.named.sns, local.named.sqs, local.named.states,
        )
      },
      {
        # Services whose resources have ids that are only known afterwards.
        Sid    = "UnnamedResources"
        Effect = "Allow"
        Action = [
          "apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT",
          "apigateway:TagResource", "apigateway:UntagResource",
          "cloudfront:CreateDistribution", "cloudfront:CreateFunction", "cloudfront:CreateOriginAccessControl",
          "cloudfront:CreateResponseHeadersPolicy", "cloudfront:DeleteDistribution", "cloudfront:DeleteFunction",
          "cloudfront:DeleteOriginAccessControl", "cloudfront:DeleteResponseHeadersPolicy", "cloudfront:PublishFunction",
          "cloudfront:TagResource", "cloudfront:UntagResource", "cloudfront:UpdateDistribution", "cloudfront:UpdateFunction",
          "cloudfront:UpdateOriginAccessControl", "cloudfront:UpdateResponseHeadersPolicy",
          "cognito-idp:CreateGroup", "cognito-idp:CreateUserPool", "cognito-idp:CreateUserPoolClient",
          "cognito-idp:DeleteGroup", "cognito-idp:DeleteUserPool", "cognito-idp:DeleteUserPoolClient",
          "cognito-idp:SetUserPoolMfaConfig", "cognito-idp:TagResource", "cognito-idp:UntagResource",
          "cognito-idp:UpdateGroup", "cognito-idp:UpdateUserPool", "cognito-idp:UpdateUserPoolClient",
          "kms:CreateAlias", "kms:CreateGrant", "kms:CreateKey", "kms:DeleteAlias", "kms:EnableKeyRotation",
          "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
          "kms:UpdateKeyDescription",
          "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping",
          "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateEventSourceMapping",
          "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
        ]
        Resource = "*"
      },
      {
        Sid      = "Images"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid    = "PushImages"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer",
          "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [for repository in aws_ecr_repository.image : repository.arn]
      },
      {
        Sid       = "RolesInsideTheBoundary"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = local.named.roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.boundary.arn } }
      },
      {
        Sid      = "KeepRoles"
        Effect   = "Allow"
        Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRoleDescription"]
        Resource = local.named.roles
      },
      {
        Sid       = "HandRolesToTheirServices"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.named.roles
        Condition = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com", "states.amazonaws.com"] } }
      },
      {
        Sid      = "NotItsOwnRolesNorBoundary"
        Effect   = "Deny"
        Action   = "iam:*"
        Resource = concat(local.own_roles, [aws_iam_policy.boundary.arn])
      },
      {
        Sid      = "NotTheStateBucketItself"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
        Resource = concat([module.state.arn], local.state_objects)
      },
    ]
  })
}
