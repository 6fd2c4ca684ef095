-- The first schema. What stands in braces is filled in per engine by migrate.rs. Text compares by
-- bytes on both engines. Every key starts with the tenant.

CREATE TABLE setting (
  tenant {text} NOT NULL, name {text} NOT NULL, value {bytes} NOT NULL,
  PRIMARY KEY (tenant, name)
){end};

-- Locked by whoever writes the roll of a tenant; counts out numbers.
CREATE TABLE roll_head (
  tenant {text} NOT NULL, sightings {int} NOT NULL, cells {int} NOT NULL, turns {int} NOT NULL,
  PRIMARY KEY (tenant)
){end};

CREATE TABLE source (
  tenant {text} NOT NULL, id {text} NOT NULL, connector {text} NOT NULL, target {text} NOT NULL,
  options {json} NOT NULL, sealed_path {text}, added {int} NOT NULL, target_kind {text} NOT NULL,
  PRIMARY KEY (tenant, id)
){end};

CREATE TABLE pass (
  tenant {text} NOT NULL, source {text} NOT NULL, pass {int} NOT NULL, scope {json} NOT NULL,
  started {int} NOT NULL, finished {int}, outcome {text},
  seen {int} NOT NULL, added {int} NOT NULL, changed {int} NOT NULL, missing {int} NOT NULL,
  back {int} NOT NULL, gaps {int} NOT NULL, gaps_kept {int} NOT NULL,
  PRIMARY KEY (tenant, source, pass)
){end};

CREATE TABLE gap (
  tenant {text} NOT NULL, source {text} NOT NULL, pass {int} NOT NULL, ordinal {int} NOT NULL,
  scope {json} NOT NULL, reason {text} NOT NULL, told {text} NOT NULL, needs {text},
  PRIMARY KEY (tenant, source, pass, ordinal)
){end};

-- What a pass is compared with, in the order it is compared: narrow, so that it streams.
CREATE TABLE sighting (
  tenant {text} NOT NULL, source {text} NOT NULL, kind {text} NOT NULL, native {text} NOT NULL,
  no {int} NOT NULL, entity {text} NOT NULL, joined {int} NOT NULL, hash {bytes} NOT NULL,
  scope {json} NOT NULL, first_pass {int} NOT NULL, first_seen {int} NOT NULL,
  version {int} NOT NULL, valid_from {int}, since {int} NOT NULL, missing_since {int},
  PRIMARY KEY (tenant, source, kind, native)
){end};
-- An entity's id is that of its smallest sighting; only the others need to be found by it.
CREATE INDEX sighting_joined ON sighting (tenant, entity) WHERE joined = 1;

CREATE TABLE sighting_body (
  tenant {text} NOT NULL, no {int} NOT NULL, source {text} NOT NULL, kind {text} NOT NULL,
  native {text} NOT NULL, body {json} NOT NULL,
  PRIMARY KEY (tenant, no)
){end};

-- Versions that ended. Rows are added, never changed.
CREATE TABLE sighting_past (
  tenant {text} NOT NULL, no {int} NOT NULL, version {int} NOT NULL, valid_from {int},
  valid_to {int} NOT NULL, seen_from {int} NOT NULL, seen_to {int} NOT NULL,
  ended {text} NOT NULL, body {json} NOT NULL,
  PRIMARY KEY (tenant, no, version)
){end};

CREATE TABLE hard_key (
  tenant {text} NOT NULL, hash {bytes} NOT NULL, no {int} NOT NULL,
  PRIMARY KEY (tenant, hash, no)
){end};

CREATE TABLE link (
  tenant {text} NOT NULL, target {bytes} NOT NULL, no {int} NOT NULL, relation {text} NOT NULL,
  PRIMARY KEY (tenant, target, no, relation)
){end};

CREATE TABLE entity (
  tenant {text} NOT NULL, id {text} NOT NULL, founder {int} NOT NULL, cell {int} NOT NULL,
  kind {text} NOT NULL, listed {int} NOT NULL, name {text} NOT NULL, type {text} NOT NULL,
  provider {text} NOT NULL, class {text}, environment {text}, status {text}, privilege {text},
  holder {text}, owner {text}, owner_hint {text}, sources {int} NOT NULL, places {int} NOT NULL,
  credentials {int} NOT NULL, created_at {int}, rotated_at {int}, last_used_at {int},
  expires_at {int}, absent {int} NOT NULL, first_seen {int} NOT NULL, missing_since {int},
  PRIMARY KEY (tenant, id)
){end};
CREATE INDEX entity_cell ON entity (tenant, cell);
CREATE INDEX entity_name ON entity (tenant, name, id);
CREATE INDEX entity_holder ON entity (tenant, holder) WHERE holder IS NOT NULL;
CREATE INDEX entity_owner ON entity (tenant, owner) WHERE owner IS NOT NULL;
CREATE INDEX entity_expires ON entity (tenant, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX entity_last_used ON entity (tenant, last_used_at, id) WHERE last_used_at IS NOT NULL;

CREATE TABLE alias (
  tenant {text} NOT NULL, old {text} NOT NULL, id {text} NOT NULL,
  PRIMARY KEY (tenant, old)
){end};
CREATE INDEX alias_id ON alias (tenant, id);

-- How many entities there are of each combination of what filters and facets ask for.
CREATE TABLE cube (
  tenant {text} NOT NULL, cell {int} NOT NULL, kind {text} NOT NULL, listed {int} NOT NULL,
  missing {int} NOT NULL, class {text} NOT NULL, type {text} NOT NULL, provider {text} NOT NULL,
  environment {text} NOT NULL, status {text} NOT NULL, owned {int} NOT NULL,
  privilege {text} NOT NULL, n {int} NOT NULL,
  PRIMARY KEY (tenant, cell)
){end};
CREATE UNIQUE INDEX cube_cell ON cube (tenant, kind, listed, missing, class, type, provider,
  environment, status, owned, privilege);

CREATE TABLE feed_head (
  tenant {text} NOT NULL, shard {int} NOT NULL, seq {int} NOT NULL, floor {int} NOT NULL,
  PRIMARY KEY (tenant, shard)
){end};

CREATE TABLE feed (
  tenant {text} NOT NULL, shard {int} NOT NULL, seq {int} NOT NULL, at {int} NOT NULL,
  entity {text} NOT NULL, what {text} NOT NULL,
  PRIMARY KEY (tenant, shard, seq)
){end};

CREATE TABLE sealed (
  tenant {text} NOT NULL, path {text} NOT NULL, version {int} NOT NULL, bytes {bytes} NOT NULL,
  PRIMARY KEY (tenant, path)
){end};

CREATE TABLE owner (
  tenant {text} NOT NULL, entity {text} NOT NULL, kind {text} NOT NULL, owner {text},
  by_whom {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (tenant, entity, kind)
){end};

CREATE TABLE mute (
  tenant {text} NOT NULL, finding {text} NOT NULL, reason {text} NOT NULL,
  by_whom {text} NOT NULL, at {int} NOT NULL, until {int} NOT NULL,
  PRIMARY KEY (tenant, finding)
){end};

CREATE TABLE evidence_head (
  tenant {text} NOT NULL, size {int} NOT NULL, checkpoint {bytes} NOT NULL,
  PRIMARY KEY (tenant)
){end};

CREATE TABLE evidence_leaf (
  tenant {text} NOT NULL, leaf_no {int} NOT NULL, leaf {bytes} NOT NULL,
  PRIMARY KEY (tenant, leaf_no)
){end};

-- Tiles of C2SP tlog-tiles: up to 256 hashes each; the last of a level grows.
CREATE TABLE evidence_tile (
  tenant {text} NOT NULL, level {int} NOT NULL, tile_no {int} NOT NULL, hashes {bytes} NOT NULL,
  PRIMARY KEY (tenant, level, tile_no)
){end};

CREATE TABLE plan (
  tenant {text} NOT NULL, id {text} NOT NULL, subject {text} NOT NULL, created {int} NOT NULL,
  body {json} NOT NULL,
  PRIMARY KEY (tenant, id)
){end};

CREATE TABLE revocation (
  tenant {text} NOT NULL, plan {text} NOT NULL, subject {text} NOT NULL, state {text} NOT NULL,
  open {int} NOT NULL, state_body {json} NOT NULL, step {int} NOT NULL, next_at {int},
  updated {int} NOT NULL, body {json} NOT NULL,
  PRIMARY KEY (tenant, plan)
){end};

CREATE TABLE intent (
  tenant {text} NOT NULL, plan {text} NOT NULL, step {int} NOT NULL, at {int} NOT NULL,
  token {int} NOT NULL,
  PRIMARY KEY (tenant, plan, step)
){end};

CREATE TABLE receipt (
  tenant {text} NOT NULL, plan {text} NOT NULL, ordinal {int} NOT NULL, step {int} NOT NULL,
  body {json} NOT NULL,
  PRIMARY KEY (tenant, plan, ordinal)
){end};

CREATE TABLE probe (
  tenant {text} NOT NULL, plan {text} NOT NULL, ordinal {int} NOT NULL, body {json} NOT NULL,
  PRIMARY KEY (tenant, plan, ordinal)
){end};

CREATE TABLE lease (
  tenant {text} NOT NULL, name {text} NOT NULL, holder {text} NOT NULL, token {int} NOT NULL,
  until {int} NOT NULL,
  PRIMARY KEY (tenant, name)
){end};

-- Every version, past and present, on both axes of time.
CREATE VIEW sighting_version AS
SELECT s.tenant, s.no, s.version, s.source, s.kind, s.native, s.entity, s.valid_from,
  s.missing_since AS valid_to, s.since AS seen_from, s.missing_since AS seen_to,
  CASE WHEN s.missing_since IS NULL THEN NULL ELSE 'missing' END AS ended, b.body
FROM sighting s JOIN sighting_body b ON b.tenant = s.tenant AND b.no = s.no
UNION ALL
SELECT s.tenant, s.no, p.version, s.source, s.kind, s.native, s.entity, p.valid_from,
  p.valid_to, p.seen_from, p.seen_to, p.ended, p.body
FROM sighting_past p JOIN sighting_body b ON b.tenant = p.tenant AND b.no = p.no
JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source AND s.kind = b.kind
  AND s.native = b.native;
