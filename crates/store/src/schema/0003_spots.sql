-- Lists, counts and facets of one source: a spot holds the entities of one cell that the same
-- sources see, so that neither asks each line who sees it.
CREATE TABLE spot (
  tenant {text} NOT NULL, spot {int} NOT NULL, cell {int} NOT NULL, seen_by {text} NOT NULL,
  n {int} NOT NULL,
  PRIMARY KEY (tenant, spot)
){end};
CREATE UNIQUE INDEX spot_of ON spot (tenant, cell, seen_by);

CREATE TABLE spot_source (
  tenant {text} NOT NULL, spot {int} NOT NULL, source {text} NOT NULL,
  PRIMARY KEY (tenant, spot, source)
){end};
CREATE INDEX spot_source_spot ON spot_source (tenant, source, spot);

ALTER TABLE entity ADD COLUMN spot {int} NOT NULL DEFAULT 0;

-- What is there already: entities that one source sees share spots, each other has its own until
-- it is written again. Spots are counted out by the number that counts out cells.
INSERT INTO spot (tenant, spot, cell, seen_by, n)
SELECT k.tenant,
  h.cells + row_number() OVER (PARTITION BY k.tenant ORDER BY k.cell, k.seen_by),
  k.cell, k.seen_by, k.n
FROM (
  SELECT e.tenant, e.cell, s.seen_by, count(*) AS n
  FROM entity e JOIN (
    SELECT tenant, entity, CASE WHEN min(source) = max(source) THEN 'one:' || min(source)
      ELSE 'of:' || entity END AS seen_by
    FROM sighting GROUP BY tenant, entity
  ) s ON s.tenant = e.tenant AND s.entity = e.id
  GROUP BY e.tenant, e.cell, s.seen_by
) k JOIN roll_head h ON h.tenant = k.tenant;

UPDATE roll_head SET cells = cells
  + (SELECT count(*) FROM spot p WHERE p.tenant = roll_head.tenant);

UPDATE entity SET spot = p.spot
FROM (
  SELECT tenant, entity, CASE WHEN min(source) = max(source) THEN 'one:' || min(source)
    ELSE 'of:' || entity END AS seen_by
  FROM sighting GROUP BY tenant, entity
) s JOIN spot p ON p.tenant = s.tenant AND p.seen_by = s.seen_by
WHERE entity.tenant = s.tenant AND entity.id = s.entity AND p.cell = entity.cell;

INSERT INTO spot_source (tenant, spot, source)
SELECT DISTINCT s.tenant, e.spot, s.source
FROM sighting s JOIN entity e ON e.tenant = s.tenant AND e.id = s.entity;

CREATE INDEX entity_spot_name ON entity (tenant, spot, name, id);

-- What else may be asked of lines in the order of these is told beside, so that none is fetched
-- only to be passed over.
DROP INDEX entity_cell_expires;
CREATE INDEX entity_cell_expires ON entity (tenant, cell, expires_at, id, last_used_at, spot)
  WHERE expires_at IS NOT NULL;
DROP INDEX entity_cell_last_used;
CREATE INDEX entity_cell_last_used ON entity (tenant, cell, last_used_at, id, expires_at, spot)
  WHERE last_used_at IS NOT NULL;
