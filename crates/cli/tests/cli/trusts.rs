//! Whom roles trust, as Terraform writes it, judged through the whole command.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::World;

const TRUST: &str = r#"
locals { issuer = "token.actions.githubusercontent.com" }

resource "aws_iam_openid_connect_provider" "github" { url = "https://${local.issuer}" }

data "aws_iam_policy_document" "wide" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = ["repo:acme*"]
    }
  }
}

resource "aws_iam_role" "in_blocks" {
  name               = "in-blocks"
  assume_role_policy = data.aws_iam_policy_document.wide.json
}

resource "aws_iam_role" "encoded" {
  name = "encoded"
  assume_role_policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Condition = {
        StringEquals = { "${local.issuer}:aud" = "sts.amazonaws.com" }
        StringLike   = { "${local.issuer}:sub" = "repo:acme/${var.name}:*" }
      }
    }]
  })
}

resource "aws_iam_role" "heredoc" {
  name               = "heredoc"
  assume_role_policy = <<-EOT
    {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
  EOT
}

resource "aws_iam_role" "elsewhere" {
  name               = "elsewhere"
  assume_role_policy = var.trust
}

resource "google_iam_workload_identity_pool" "ci" { workload_identity_pool_id = "ci" }

resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  oidc { issuer_uri = "https://token.actions.githubusercontent.com" }
}

resource "google_service_account_iam_member" "ci" {
  role   = "roles/iam.workloadIdentityUser"
  member = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci.name}/*"
}

resource "azurerm_federated_identity_credential" "wide" {
  name    = "wide"
  issuer  = "https://token.actions.githubusercontent.com"
  subject = "repo:acme/shop:pull_request"
}

resource "azurerm_federated_identity_credential" "narrow" {
  name    = "narrow"
  issuer  = "https://token.actions.githubusercontent.com"
  subject = "repo:acme/shop:environment:prod"
}

resource "github_actions_repository_oidc_subject_claim_customization_template" "shop" {
  repository         = "shop"
  include_claim_keys = ["environment"]
}
"#;

#[test]
fn trust_that_terraform_writes_is_judged_as_far_as_it_is_written() {
    let world = World::new();
    world.file("infra/main.tf", TRUST);
    world.get(&["scan", world.path("infra").to_str().unwrap()]);
    let found = world.get(&["findings", "--rule", "trust-too-wide", "-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    let verdicts: BTreeMap<_, _> = found
        .iter()
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = BTreeMap::from([
        ("in-blocks", "fail"),
        ("heredoc", "fail"),
        ("elsewhere", "unknown"),
        ("ci/*", "fail"),
        ("repo:acme/shop:pull_request", "fail"),
        ("OIDC subject of shop", "fail"),
    ]);
    assert_eq!(verdicts, wanted, "{found:#?}");
}
