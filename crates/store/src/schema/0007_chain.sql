-- Who answered for a thing at any time: every decision, the one that stands among them.
CREATE TABLE owner_decision (
  tenant {text} NOT NULL, entity {text} NOT NULL, kind {text} NOT NULL, at {int} NOT NULL,
  owner {text}, by_whom {text} NOT NULL,
  PRIMARY KEY (tenant, entity, kind, at)
){end};
INSERT INTO owner_decision (tenant, entity, kind, at, owner, by_whom)
SELECT tenant, entity, kind, at, owner, by_whom FROM owner;

CREATE INDEX plan_of ON plan (tenant, subject);
CREATE INDEX revocation_of ON revocation (tenant, subject);

-- What was planned and revoked is told of what the roll calls it now.
{drop_view all_plans};
CREATE VIEW all_plans AS
SELECT p.tenant, p.id, coalesce(a.id, p.subject) AS subject,
  p.body -> 'subject' ->> 'name' AS name, p.body ->> 'act' AS act,
  p.body ->> 'by' AS by_whom, {iso p.created} AS created
FROM plan p LEFT JOIN alias a ON a.tenant = p.tenant AND a.old = p.subject;

{drop_view all_revocations};
CREATE VIEW all_revocations AS
SELECT r.tenant, r.plan, coalesce(a.id, r.subject) AS subject, r.state, r.open, r.step,
  {iso r.next_at} AS next_at, {iso r.updated} AS updated
FROM revocation r LEFT JOIN alias a ON a.tenant = r.tenant AND a.old = r.subject;
