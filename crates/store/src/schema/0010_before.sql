-- Where sightings and lines were filed before: by these a past moment is put together around one
-- thing without looking through the history of all.
CREATE TABLE key_before (
  tenant {text} NOT NULL, hash {bytes} NOT NULL, no {int} NOT NULL,
  PRIMARY KEY (tenant, hash, no)
){end};
CREATE TABLE link_before (
  tenant {text} NOT NULL, target {bytes} NOT NULL, no {int} NOT NULL,
  PRIMARY KEY (tenant, target, no)
){end};
-- The names that lines bore, with the number of the sighting that founded each.
CREATE TABLE name_before (
  tenant {text} NOT NULL, name {text} NOT NULL, no {int} NOT NULL,
  PRIMARY KEY (tenant, name, no)
){end};
