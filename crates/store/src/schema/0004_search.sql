-- Text in names is looked for in blocks: the names of the lines whose founders stand in one run of
-- numbers, one behind another, read at the speed of memory. A page tells which blocks cannot hold a
-- text: of many blocks, the sequences of three letters that occur in each (blocks.rs).
CREATE TABLE name_block (
  tenant {text} NOT NULL, block {int} NOT NULL, lines {bytes} NOT NULL,
  PRIMARY KEY (tenant, block)
){heap};

{raw name_block lines}

CREATE TABLE name_page (
  tenant {text} NOT NULL, page {int} NOT NULL, grams {bytes} NOT NULL,
  PRIMARY KEY (tenant, page)
){heap};
{raw name_page grams}

CREATE INDEX entity_founder ON entity (tenant, founder);

-- The founder too, so that lines found in blocks are told in the order of these.
DROP INDEX entity_cell_expires;
CREATE INDEX entity_cell_expires ON entity
  (tenant, cell, expires_at, id, last_used_at, spot, founder) WHERE expires_at IS NOT NULL;
DROP INDEX entity_cell_last_used;
CREATE INDEX entity_cell_last_used ON entity
  (tenant, cell, last_used_at, id, expires_at, spot, founder) WHERE last_used_at IS NOT NULL;

-- How many entities of each spot expire, and were last used, on each day since 1970: counts by
-- time read days, and lines of the last day alone. What: `expires` or `used`.
CREATE TABLE day (
  tenant {text} NOT NULL, what {text} NOT NULL, day {int} NOT NULL, spot {int} NOT NULL,
  n {int} NOT NULL,
  PRIMARY KEY (tenant, what, day, spot)
){end};

INSERT INTO day (tenant, what, day, spot, n)
SELECT tenant, 'expires', {day expires_at}, spot, count(*) FROM entity
WHERE expires_at IS NOT NULL GROUP BY tenant, {day expires_at}, spot;

INSERT INTO day (tenant, what, day, spot, n)
SELECT tenant, 'used', {day last_used_at}, spot, count(*) FROM entity
WHERE last_used_at IS NOT NULL GROUP BY tenant, {day last_used_at}, spot;
