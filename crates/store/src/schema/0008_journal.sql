-- What a pass has read of its source so far, part by part: one that was killed goes on from there.
-- A pass that ends takes its rows with it.
CREATE TABLE journal (
  tenant {text} NOT NULL, source {text} NOT NULL, part {text} NOT NULL, about {text} NOT NULL,
  started {int} NOT NULL, body {bytes} NOT NULL,
  PRIMARY KEY (tenant, source, part)
){end};
