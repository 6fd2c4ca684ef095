-- Who may call: accounts, what they sign in with, and what is handed out to them. Nothing here is a
-- secret: passwords and second factors are in `sealed`, of all else only the hash is kept.
CREATE TABLE account (
  tenant {text} NOT NULL, id {text} NOT NULL, issuer {text} NOT NULL, subject {text} NOT NULL,
  name {text} NOT NULL, roles {json} NOT NULL, ready {int}, totp_step {int},
  made {int} NOT NULL, made_by {text} NOT NULL, disabled {int}, signed_in {int},
  PRIMARY KEY (tenant, id)
){end};
CREATE UNIQUE INDEX account_subject ON account (tenant, issuer, subject);

CREATE TABLE recovery_code (
  tenant {text} NOT NULL, account {text} NOT NULL, hash {bytes} NOT NULL, used {int},
  PRIMARY KEY (tenant, account, hash)
){end};

-- A link that works once: it makes an account, or gives one a new password and second factor.
CREATE TABLE invitation (
  tenant {text} NOT NULL, id {text} NOT NULL, hash {bytes} NOT NULL, account {text} NOT NULL,
  name {text}, roles {json} NOT NULL, purpose {text} NOT NULL,
  made {int} NOT NULL, made_by {text} NOT NULL, ends {int} NOT NULL, used {int},
  PRIMARY KEY (tenant, id)
){end};

CREATE TABLE session (
  tenant {text} NOT NULL, id {text} NOT NULL, hash {bytes} NOT NULL, account {text} NOT NULL,
  stage {text} NOT NULL, made {int} NOT NULL, seen {int} NOT NULL, ends {int} NOT NULL,
  address {text} NOT NULL, agent {text} NOT NULL,
  PRIMARY KEY (tenant, id)
){end};
CREATE INDEX session_account ON session (tenant, account);

-- A browser that an account has signed in from before: it has attempts of its own.
CREATE TABLE device (
  tenant {text} NOT NULL, id {text} NOT NULL, hash {bytes} NOT NULL, account {text} NOT NULL,
  made {int} NOT NULL, ends {int} NOT NULL,
  PRIMARY KEY (tenant, id)
){end};
CREATE INDEX device_account ON device (tenant, account);

CREATE TABLE api_token (
  tenant {text} NOT NULL, id {text} NOT NULL, hash {bytes} NOT NULL, account {text} NOT NULL,
  name {text} NOT NULL, permissions {json} NOT NULL, made {int} NOT NULL, made_by {text} NOT NULL,
  ends {int} NOT NULL, fingerprint {text} NOT NULL, last_used {int}, revoked {int},
  revoked_by {text},
  PRIMARY KEY (tenant, id)
){end};
CREATE INDEX api_token_account ON api_token (tenant, account);

-- How many attempts at signing in are spent, of whom and of where; and those not told yet.
CREATE TABLE attempt (
  tenant {text} NOT NULL, bucket {text} NOT NULL, spent {int} NOT NULL, at {int} NOT NULL,
  untold {int} NOT NULL,
  PRIMARY KEY (tenant, bucket)
){end};
