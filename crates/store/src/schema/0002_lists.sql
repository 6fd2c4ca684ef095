-- Lists are read cell by cell, each cell in the order asked for, and merged: however unevenly
-- what is asked for lies in the order, no line is passed over. Counts by time read these alone.
CREATE INDEX entity_cell_name ON entity (tenant, cell, name, id);
CREATE INDEX entity_cell_expires ON entity (tenant, cell, expires_at, id)
  WHERE expires_at IS NOT NULL;
CREATE INDEX entity_cell_last_used ON entity (tenant, cell, last_used_at, id)
  WHERE last_used_at IS NOT NULL;
-- Begins like the first of them.
DROP INDEX entity_cell;
