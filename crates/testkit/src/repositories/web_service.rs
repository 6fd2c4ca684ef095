//! A web service in Python.

use super::Repository;

pub(super) fn made(mut it: Repository) -> Repository {
    it.file("README.md", README);
    it.file(".env", ENV);
    it.file(".env.example", ENV_EXAMPLE);
    it.file("shop/settings.py", SETTINGS);
    it.file("shop/payments.py", PAYMENTS);
    it.file("shop/auth.py", AUTH);
    it.file("scripts/backup.sh", BACKUP);
    it.file("docker-compose.yml", COMPOSE);
    it.file("Dockerfile", DOCKERFILE);
    it.file(".github/workflows/ci.yml", CI);
    it.file("tests/test_payments.py", TESTS);
    it.file("docs/api.md", API);
    it.file("requirements.txt", REQUIREMENTS);
    it.file("notebooks/churn.ipynb", NOTEBOOK);
    it
}

const README: &str = r#"# Shop service

Takes orders and payments. To run it, copy `.env.example` to `.env` and fill it in:

    DATABASE_URL=postgres://user:password@localhost:5432/shop
    STRIPE_SECRET_KEY=sk_live_your_key_here

Ask in #payments for a key of your own.
"#;

const ENV: &str = r#"# Local settings, never commit this file
DEBUG=1
DATABASE_URL=postgres://shop:[[<b62:20>]]@db.acme-shop.com:5432/shop
STRIPE_SECRET_KEY=[[sk_live_51<b62:97>]]
SENDGRID_API_KEY=[[SG.<b62:22>.<b62:43>]]
SENTRY_DSN=https://public@sentry.acme-shop.com/4
ALLOWED_HOSTS=localhost,127.0.0.1
"#;

const ENV_EXAMPLE: &str = r#"DEBUG=0
DATABASE_URL=postgres://user:password@localhost:5432/shop
STRIPE_SECRET_KEY=changeme
SENDGRID_API_KEY=SG.xxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
SECRET_KEY=<generate with openssl rand -hex 32>
"#;

const SETTINGS: &str = r#""""Settings of the shop."""

import os

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = "[[<b62:50>]]"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "shop",
        "PASSWORD": os.environ["DB_PASSWORD"],
        "HOST": os.environ.get("DB_HOST", "localhost"),
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
]
SESSION_COOKIE_NAME = "shop_session"
CSRF_TOKEN_HEADER = "X-CSRF-Token"
TOKEN_URL = "https://id.acme-shop.com/oauth/token"
"#;

const PAYMENTS: &str = r#""""Payments by card."""

import os

import stripe

stripe.api_key = os.environ["STRIPE_SECRET_KEY"]
WEBHOOK_SECRET = "[[whsec_<b62:32>]]"
IDEMPOTENCY_KEY_HEADER = "Idempotency-Key"


def charge(order, token):
    key = f"order-{order.id}"
    return stripe.Charge.create(amount=order.total, source=token, idempotency_key=key)
"#;

const AUTH: &str = r#""""Who is who."""

import hashlib


def token_of(request):
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    password = request.POST.get("password")
    return token or hashlib.sha256(password.encode()).hexdigest()


def is_strong(password, username):
    return len(password) >= 12 and password != username
"#;

const BACKUP: &str = r#"#!/bin/sh
# Every night, from cron.
set -eu
export AWS_ACCESS_KEY_ID=((AKIA<b32:16>))
export AWS_SECRET_ACCESS_KEY=[[<b64:40>]]
pg_dump "$DATABASE_URL" | gzip | aws s3 cp - "s3://acme-shop-backups/$(date +%F).sql.gz"
"#;

const COMPOSE: &str = r#"services:
  web:
    build: .
    env_file: .env
    ports: ["8000:8000"]
  db:
    image: postgres:16
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: ${DB_PASSWORD}
  cache:
    image: redis:7
"#;

const DOCKERFILE: &str = r#"FROM python:3.12-slim
ARG PIP_INDEX_URL
WORKDIR /srv
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
CMD ["gunicorn", "shop.wsgi"]
"#;

const CI: &str = r#"name: ci
on: [push]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    env:
      DATABASE_URL: postgres://postgres:postgres@localhost:5432/test
    steps:
      - uses: actions/checkout@v4
      - run: pip install -r requirements.txt && pytest
      - run: ./scripts/notify.sh
        env:
          SLACK_WEBHOOK_URL: [[https://hooks.slack.com/services/T<B36:10>/B<B36:10>/<b62:24>]]
          SENTRY_AUTH_TOKEN: ${{ secrets.SENTRY_AUTH_TOKEN }}
"#;

const TESTS: &str = r#"from shop.payments import charge

API_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_login(client):
    assert client.post("/login", {"username": "ann", "password": "correct horse battery"}).ok


def test_charge(order):
    assert charge(order, token="tok_visa").paid
"#;

const API: &str = r#"# API

    curl -H "Authorization: Bearer $TOKEN" https://api.acme-shop.com/v1/orders
    curl -u admin:secret https://api.acme-shop.com/v1/health

The answer to `POST /v1/tokens` is

    {"token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"}
"#;

const REQUIREMENTS: &str = r#"django==5.2.14 \
    --hash=sha256:((<hex:64>)) \
    --hash=sha256:((<hex:64>))
stripe==12.1.0 \
    --hash=sha256:((<hex:64>))
"#;

const NOTEBOOK: &str = r##"{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# Who leaves, and why\n"]},
  {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": [
    "import openai\n",
    "client = openai.OpenAI(api_key=\"[[sk-proj-<b62:74>T3BlbkFJ<b62:74>]]\")\n"
  ]}
 ],
 "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
 "nbformat": 4,
 "nbformat_minor": 5
}
"##;
