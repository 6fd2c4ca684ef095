-- The lines of one owner lie in the order of their names: a page of many is read as it stands.
DROP INDEX entity_owner;
CREATE INDEX entity_owner ON entity (tenant, owner, name, id) WHERE owner IS NOT NULL;

{whole name_block}
{whole fact_block}
