-- What `query` reads: documented in views.rs, the same columns on both engines.

CREATE VIEW all_identities AS
SELECT tenant, id, name, type, provider, class, environment, status, privilege, owner, owner_hint,
  sources, credentials, {iso created_at} AS created_at, {iso last_used_at} AS last_used_at,
  {iso expires_at} AS expires_at, {iso first_seen} AS first_seen,
  {iso missing_since} AS missing_since
FROM entity WHERE kind = 'identity';

CREATE VIEW all_credentials AS
SELECT tenant, id, name, type, provider, class, environment, status, privilege, holder, owner,
  owner_hint, sources, places, {iso created_at} AS created_at, {iso rotated_at} AS rotated_at,
  {iso last_used_at} AS last_used_at, {iso expires_at} AS expires_at,
  {iso first_seen} AS first_seen, {iso missing_since} AS missing_since
FROM entity WHERE kind = 'credential';

CREATE VIEW all_grants AS
SELECT tenant, id, name, type, provider, status, privilege, holder, {iso first_seen} AS first_seen,
  {iso missing_since} AS missing_since
FROM entity WHERE kind = 'grant';

CREATE VIEW all_resources AS
SELECT tenant, id, name, type, provider, environment, owner, {iso first_seen} AS first_seen,
  {iso missing_since} AS missing_since
FROM entity WHERE kind = 'resource';

CREATE VIEW all_sightings AS
SELECT s.tenant, s.entity, s.source, s.kind, s.native, s.scope,
  {iso s.first_seen} AS first_seen, {iso s.since} AS since, {iso s.missing_since} AS missing_since,
  b.body -> 'facts' AS facts, b.body -> 'keys' AS hard_keys, b.body -> 'hints' AS hints
FROM sighting s JOIN sighting_body b ON b.tenant = s.tenant AND b.no = s.no;

CREATE VIEW all_versions AS
SELECT tenant, entity, source, kind, native, version, {iso valid_from} AS valid_from,
  {iso valid_to} AS valid_to, {iso seen_from} AS seen_from, {iso seen_to} AS seen_to,
  body -> 'facts' AS facts
FROM sighting_version;

CREATE VIEW all_links AS
SELECT s.tenant, s.entity, s.source, l.value ->> 'relation' AS relation, t.entity AS to_entity,
  l.value -> 'to' -> 'native' ->> 'kind' AS to_kind,
  l.value -> 'to' -> 'native' ->> 'native' AS to_native
FROM sighting_body b JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source
  AND s.kind = b.kind AND s.native = b.native
CROSS JOIN {each b.body links l}
LEFT JOIN sighting t ON t.tenant = b.tenant AND t.source = b.source
  AND t.kind = l.value -> 'to' -> 'native' ->> 'kind'
  AND t.native = l.value -> 'to' -> 'native' ->> 'native'
WHERE l.value -> 'to' -> 'native' IS NOT NULL
UNION ALL
SELECT s.tenant, s.entity, s.source, k.relation, t.entity, t.kind, t.native
FROM link k JOIN hard_key h ON h.tenant = k.tenant AND h.hash = k.target
JOIN sighting_body b ON b.tenant = k.tenant AND b.no = k.no
JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source AND s.kind = b.kind
  AND s.native = b.native
JOIN sighting_body c ON c.tenant = h.tenant AND c.no = h.no
JOIN sighting t ON t.tenant = c.tenant AND t.source = c.source AND t.kind = c.kind
  AND t.native = c.native;

CREATE VIEW all_sources AS
SELECT tenant, id, connector, target, target_kind, {iso added} AS added FROM source;

CREATE VIEW all_passes AS
SELECT tenant, source, pass, scope, {iso started} AS started, {iso finished} AS finished, outcome,
  seen, added, changed, missing, back, gaps
FROM pass;

CREATE VIEW all_gaps AS
SELECT g.tenant, g.source, g.scope, g.reason, g.told, g.needs, {iso p.started} AS seen_at
FROM gap g JOIN pass p ON p.tenant = g.tenant AND p.source = g.source AND p.pass = g.pass
WHERE p.finished IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM pass q WHERE q.tenant = p.tenant AND q.source = p.source
  AND q.pass > p.pass AND q.scope = p.scope AND q.finished IS NOT NULL);

CREATE VIEW all_owners AS
SELECT tenant, entity, kind, owner, by_whom, {iso at} AS at FROM owner;

CREATE VIEW all_mutes AS
SELECT tenant, finding, reason, by_whom, {iso at} AS at, {iso until} AS until FROM mute;

CREATE VIEW all_plans AS
SELECT tenant, id, subject, body -> 'subject' ->> 'name' AS name, body ->> 'act' AS act,
  body ->> 'by' AS by_whom, {iso created} AS created
FROM plan;

CREATE VIEW all_revocations AS
SELECT tenant, plan, subject, state, open, step, {iso next_at} AS next_at,
  {iso updated} AS updated
FROM revocation;

CREATE VIEW all_evidence AS
SELECT tenant, leaf_no, {hex leaf} AS leaf FROM evidence_leaf;
