//! Questions to begin from, at least one for each view: the words of both engines, and nothing
//! that a shell would read in double quotes.

/// One question that the roll answers.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The view that it shows.
    pub view: &'static str,
    /// The question, in words.
    pub asks: &'static str,
    /// The same in SQL.
    pub sql: &'static str,
}

const fn example(view: &'static str, asks: &'static str, sql: &'static str) -> Example {
    Example { view, asks, sql }
}

/// Every shipped example, in the order of the views.
pub const EXAMPLES: &[Example] = &[
    example(
        "identities",
        "Who answers for nobody: identities without an owner",
        "select name, type, provider, owner_hint from identities \
         where owner is null and missing_since is null order by provider, name",
    ),
    example(
        "identities",
        "How many identities of each kind there are",
        "select provider, type, count(*) as n from identities group by provider, type order by n desc",
    ),
    example(
        "credentials",
        "What ends before a day, and who answers for it",
        "select name, type, expires_at, owner from credentials \
         where expires_at < '2027-01-01' order by expires_at",
    ),
    example(
        "credentials",
        "Which identity each credential opens",
        "select c.name as credential, c.type, i.name as opens from credentials c \
         join identities i on i.id = c.holder order by c.name",
    ),
    example(
        "credentials",
        "Which secrets lie in more than one place",
        "select name, type, places, sources from credentials where places > 1 order by places desc",
    ),
    example(
        "grants",
        "Who may do what",
        "select i.name as identity, g.name as may, g.privilege from grants g \
         join identities i on i.id = g.holder order by i.name, g.name",
    ),
    example(
        "grants",
        "Every grant of one maker: what its breach reaches",
        "select i.name as application, g.type, g.name as may, s.facts -> 'vendor' ->> 'is' as maker \
         from grants g join identities i on i.id = g.holder join sightings s on s.entity = g.id \
         where s.facts -> 'vendor' ->> 'is' like 'MailMerge%' order by i.name, g.name",
    ),
    example(
        "resources",
        "What is reached, and by how many grants",
        "select r.name, r.type, count(*) as grants from resources r \
         join links l on l.to_entity = r.id group by r.id, r.name, r.type order by grants desc",
    ),
    example(
        "sightings",
        "Where every credential was seen",
        "select source, facts -> 'place' ->> 'is' as place, native, first_seen from sightings \
         where kind = 'credential' and missing_since is null order by source, native",
    ),
    example(
        "versions",
        "What changed or went, latest first",
        "select seen_to, source, kind, native, version from versions \
         where seen_to is not null order by seen_to desc limit 20",
    ),
    example(
        "links",
        "How things stand to one another",
        "select relation, count(*) as n from links group by relation order by n desc",
    ),
    example(
        "sources",
        "What is read, and whether it is the real thing",
        "select id, connector, target_kind from sources order by id",
    ),
    example(
        "passes",
        "When each source was read last",
        "select source, max(finished) as read, sum(missing) as went from passes \
         group by source order by source",
    ),
    example(
        "gaps",
        "What could not be read, and what would let it",
        "select source, reason, needs, count(*) as n from gaps \
         group by source, reason, needs order by n desc",
    ),
    example(
        "owners",
        "Who decided that somebody answers for something",
        "select o.at, o.by_whom, o.kind, o.owner, c.name from owners o \
         join credentials c on c.id = o.entity order by o.at",
    ),
    example(
        "mutes",
        "What is muted, until when and why",
        "select finding, until, by_whom, reason from mutes order by until",
    ),
    example(
        "plans",
        "What was planned, by whom",
        "select created, by_whom, act, name, id from plans order by created",
    ),
    example(
        "revocations",
        "What is revoked and not proven dead",
        "select p.name, r.state, r.next_at, r.plan from revocations r \
         join plans p on p.id = r.plan where r.open = 1 order by r.next_at",
    ),
    example(
        "evidence",
        "How long the evidence log is",
        "select count(*) as leaves from evidence",
    ),
];
