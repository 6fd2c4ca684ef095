//! An infrastructure: Terraform, Kubernetes, pipelines.

use super::Repository;

pub(super) fn made(mut it: Repository) -> Repository {
    it.file("terraform/main.tf", MAIN);
    it.file("terraform/variables.tf", VARIABLES);
    it.file("terraform/prod.tfvars", TFVARS);
    it.file("terraform/.terraform.lock.hcl", LOCK);
    it.file("kubernetes/shop/deployment.yaml", DEPLOYMENT);
    it.file("kubernetes/shop/secret.yaml", SECRET);
    it.file("kubernetes/shop/sealed-secret.yaml", SEALED);
    it.file("kubernetes/monitoring/values.yaml", VALUES);
    it.file("ansible/group_vars/all.yml", GROUP_VARS);
    it.file("ansible/group_vars/vault.yml", VAULT);
    it.file("ansible/roles/backup/defaults/main.yml", ROLE);
    it.file(".gitlab-ci.yml", GITLAB);
    it.file(".github/workflows/apply.yml", APPLY);
    it.file("secrets/prod.enc.yaml", SOPS);
    it.file("scripts/rotate.sh", ROTATE);
    it.file("keys/deploy.pem", "[[<pem>]]\n");
    it
}

const MAIN: &str = r#"provider "aws" {
  region = var.region
}

provider "datadog" {
  api_key = "[[<hex:32>]]"
  app_key = var.datadog_app_key
}

resource "aws_db_instance" "shop" {
  identifier = "shop"
  username   = "shop"
  password   = var.db_password
}

resource "aws_secretsmanager_secret" "shop" {
  name = "shop/db-password"
}

resource "random_password" "cache" {
  length = 32
}
"#;

const VARIABLES: &str = r#"variable "region" {
  default = "eu-west-1"
}

variable "db_password" {
  type      = string
  sensitive = true
}

variable "datadog_app_key" {
  type = string
}
"#;

const TFVARS: &str = r#"region           = "eu-west-1"
db_password      = "[[<b62:24>]]"
cloudflare_token = "[[<b62:40>]]"
kms_key_id       = "arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-0000-4000-a000-123456789abc"
"#;

const LOCK: &str = r#"provider "registry.terraform.io/hashicorp/aws" {
  version = "5.60.0"
  hashes = [
    "h1:((<b64:43>))=",
    "zh:((<hex:64>))",
    "zh:((<hex:64>))",
  ]
}
"#;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      serviceAccountName: shop
      containers:
        - name: shop
          image: registry.acme-infra.com/shop@sha256:((<hex:64>))
          env:
            - name: DATABASE_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: shop
                  key: password
            - name: NEW_RELIC_LICENSE_KEY
              value: "[[<hex:36>NRAL]]"
"#;

const SECRET: &str = r#"apiVersion: v1
kind: Secret
metadata:
  name: shop
type: Opaque
stringData:
  password: "[[<b62:28>]]"
"#;

const SEALED: &str = r#"apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: shop
spec:
  encryptedData:
    password: ((AgB<b62:300>))
"#;

const VALUES: &str = r#"grafana:
  adminUser: admin
  adminPassword: "[[<b62:20>]]"
  existingSecret: ""
alertmanager:
  config:
    global:
      slack_api_url: [[https://hooks.slack.com/services/T<B36:10>/B<B36:10>/<b62:24>]]
prometheus:
  tokenPath: /var/run/secrets/kubernetes.io/serviceaccount/token
"#;

const GROUP_VARS: &str = r#"ansible_user: deploy
ansible_ssh_private_key_file: ~/.ssh/deploy
db_password: "{{ vault_db_password }}"
smtp_password: "{{ lookup('env', 'SMTP_PASSWORD') }}"
api_token: "{{ vault_api_token }}"
"#;

const VAULT: &str = r#"$ANSIBLE_VAULT;1.1;AES256
((<hex:80>))
((<hex:80>))
((<hex:80>))
"#;

const ROLE: &str = r#"backup_bucket: acme-backups
backup_password: changeme
backup_token: ""
"#;

const GITLAB: &str = r#"deploy:
  image: alpine:3.20
  variables:
    GITLAB_DEPLOY_TOKEN: [[glpat-<b62:20>]]
    VAULT_ADDR: https://vault.acme-infra.com
  script:
    - terraform apply -auto-approve
    - curl --header "PRIVATE-TOKEN: $GITLAB_DEPLOY_TOKEN" https://gitlab.acme-infra.com/api/v4/user
"#;

const APPLY: &str = r#"name: apply
on: [push]
permissions:
  id-token: write
  contents: read
jobs:
  apply:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@b4ffde65f46336ab88eb53be808477a3936bae11
      - uses: aws-actions/configure-aws-credentials@e3dd6a429d7300a6a4c196c26e071d42e0343502
        with:
          role-to-assume: arn:aws:iam::123456789012:role/terraform
          aws-region: eu-west-1
      - run: terraform apply -auto-approve
        env:
          TF_VAR_db_password: ${{ secrets.DB_PASSWORD }}
"#;

const SOPS: &str = r#"password: ENC[AES256_GCM,data:((<b64:28>)),iv:((<b64:43>))=,tag:((<b64:22>))==,type:str]
sops:
  kms:
    - arn: arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-0000-4000-a000-123456789abc
  mac: ENC[AES256_GCM,data:((<b64:64>)),iv:((<b64:43>))=,tag:((<b64:22>))==,type:str]
"#;

const ROTATE: &str = r#"#!/bin/sh
set -eu
new_password=$(openssl rand -base64 24)
export VAULT_TOKEN=[[hvs.CAES<b62:91>]]
vault kv put secret/shop password="$new_password"
"#;
