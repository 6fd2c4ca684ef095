-- Whose a grant is stands in its line, as it does in that of a credential.
UPDATE entity SET holder = l.holder
FROM (
  SELECT tenant, entity, min(to_entity) AS holder FROM all_links
  WHERE relation = 'of' AND to_entity IS NOT NULL GROUP BY tenant, entity
) AS l
WHERE entity.tenant = l.tenant AND entity.id = l.entity AND entity.kind = 'grant';
