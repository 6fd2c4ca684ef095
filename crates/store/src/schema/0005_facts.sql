-- What else is asked of lines than cells tell, in the blocks of names: owner and times of the lines
-- whose founders stand in one run of numbers (facts.rs). Questions that combine these, or ask for
-- them with a text, read blocks at the speed of memory where more lines match than are sorted.
CREATE TABLE fact_block (
  tenant {text} NOT NULL, block {int} NOT NULL, facts {bytes} NOT NULL,
  PRIMARY KEY (tenant, block)
){heap};

{raw fact_block facts}
