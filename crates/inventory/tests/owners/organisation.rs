//! A made-up organisation whose true owners are known: teams, people who move and leave, and
//! identities of which sources tell more or less, rightly or wrongly.
//!
//! Nothing here reads the scorer's table. Evidence is made by the way it comes about (a copied
//! template, a pipeline that creates, a catch-all line, somebody who moved on), each with a rate
//! of its own in [`Noise`]; what it does to scores is for the test to find out.

use std::collections::BTreeMap;

use inventory::owners::Left;
use model::{
    Attribute, Confidence, Duration, Entity, EntityId, Kind, Observation, Scope, Sighting,
    SightingKey, Timestamp,
};

/// When the organisation is looked at: 2026-01-01.
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

/// How much is told and how much of it is wrong, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// Things with a tag of the owner or the team.
    pub(crate) tagged: u64,
    /// Of these, tags that came with a copied template: somebody else's.
    pub(crate) tag_copied: u64,
    /// Of these, tags that hold a placeholder.
    pub(crate) tag_placeholder: u64,
    /// Of these, tags that still name whoever owned the thing before.
    pub(crate) tag_stale: u64,
    /// Things with a business or technical owner of their own in tags.
    pub(crate) role_tagged: u64,
    /// Of these, tags that name somebody else of the same team.
    pub(crate) role_tag_wrong: u64,
    /// Things that lie in a repository with `CODEOWNERS`.
    pub(crate) in_code: u64,
    /// Of these, lines of the team that had the code before.
    pub(crate) code_stale: u64,
    /// Of these, lines that catch everything, for the platform team.
    pub(crate) code_catch_all: u64,
    /// Things whose creator is told.
    pub(crate) creator: u64,
    /// Of these, made by a pipeline.
    pub(crate) creator_machine: u64,
    /// Of these, made by a team mate of the owner.
    pub(crate) creator_mate: u64,
    /// Of these, made by an engineer of the platform, as a service to others.
    pub(crate) creator_platform: u64,
    /// Things whose first commit is told.
    pub(crate) author: u64,
    /// Of these, written by a bot.
    pub(crate) author_machine: u64,
    /// Of these, written by a team mate of the owner.
    pub(crate) author_mate: u64,
    /// Of these, written by anybody.
    pub(crate) author_other: u64,
    /// Things that changed hands: what is stale names the owner before.
    pub(crate) handed_over: u64,
    /// People who have left.
    pub(crate) leavers: u64,
}

/// The organisation as it is meant to be: neither tidy nor wild.
pub(crate) const USUAL: Noise = Noise {
    tagged: 64,
    tag_copied: 5,
    tag_placeholder: 5,
    tag_stale: 25,
    role_tagged: 12,
    role_tag_wrong: 8,
    in_code: 62,
    code_stale: 6,
    code_catch_all: 7,
    creator: 55,
    creator_machine: 40,
    creator_mate: 15,
    creator_platform: 12,
    author: 60,
    author_machine: 12,
    author_mate: 20,
    author_other: 12,
    handed_over: 16,
    leavers: 9,
};

/// Twice as wrong, and less of it.
pub(crate) const WILD: Noise = Noise {
    tagged: 50,
    tag_copied: 10,
    tag_placeholder: 10,
    tag_stale: 50,
    role_tagged: 8,
    role_tag_wrong: 16,
    in_code: 50,
    code_stale: 12,
    code_catch_all: 14,
    creator: 45,
    creator_machine: 50,
    creator_mate: 22,
    creator_platform: 18,
    author: 50,
    author_machine: 18,
    author_mate: 28,
    author_other: 22,
    handed_over: 30,
    leavers: 16,
};

/// Somebody.
pub(crate) struct Person {
    mail: String,
    user: String,
    name: String,
    team: usize,
    left: bool,
}

/// An identity with what is told of it, and who owns it in truth.
pub(crate) struct Owned {
    pub(crate) entity: Entity,
    /// The team that answers for it.
    pub(crate) team: String,
    /// Who answers for why it exists, in every spelling that means nobody else.
    pub(crate) business: Vec<String>,
    /// Who answers for how it runs.
    pub(crate) system: Vec<String>,
}

/// The organisation.
pub(crate) struct Organisation {
    pub(crate) things: Vec<Owned>,
    pub(crate) left: Left,
    pub(crate) leavers: Vec<String>,
}

/// SplitMix64: the same organisation for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.roll(count as u64)).unwrap()
    }
    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

#[rustfmt::skip]
const TEAMS: &[&str] = &[
    "platform", "payments", "search", "checkout", "catalog", "identity", "billing", "ledger",
    "shipping", "returns", "pricing", "fraud", "risk", "mobile", "web", "notifications", "media",
    "ads", "reporting", "warehouse", "data-lake", "ml-serving", "support-tools", "crm", "hr-systems",
    "compliance", "partner-api", "loyalty", "gift-cards", "maps",
];
#[rustfmt::skip]
const FIRST: &[&str] = &[
    "ann", "bob", "cleo", "dan", "eva", "finn", "gus", "hana", "ida", "jon", "kai", "lea", "max",
    "nia", "omar", "pia", "quin", "rosa", "sam", "tess", "uma", "vic", "wen", "xia", "yan", "zoe",
];
#[rustfmt::skip]
const LAST: &[&str] = &[
    "adler", "berg", "costa", "diaz", "eriksen", "fuchs", "gomez", "haas", "ivanov", "jensen",
    "klein", "lopez", "meyer", "novak", "okafor", "park", "quist", "rossi", "sato", "tanaka",
];

/// People of a team, at the least three.
const TEAM_SIZE: usize = 11;

fn people(dice: &mut Dice, noise: &Noise) -> Vec<Person> {
    let mut people = Vec::new();
    for n in 0..TEAMS.len() * TEAM_SIZE {
        let (first, last) = (FIRST[n % FIRST.len()], LAST[(n / 3 + n) % LAST.len()]);
        // Some share a name: the second one's address carries a number.
        let clash = people
            .iter()
            .any(|one: &Person| one.name == format!("{first} {last}"));
        let number = if clash { n.to_string() } else { String::new() };
        // A user name says more or less of the person behind it.
        let user = match dice.roll(3) {
            0 => format!("{first}-{last}{number}"),
            1 => format!("{}{last}{number}", &first[..1]),
            _ => format!("{first}{n}"),
        };
        people.push(Person {
            mail: format!("{first}.{last}{number}@acme.test"),
            user,
            name: format!("{first} {last}"),
            team: n % TEAMS.len(),
            // The first two of each team stay, so that somebody can take over.
            left: n >= TEAMS.len() * 2 && dice.chance(noise.leavers),
        });
    }
    people
}

/// Makes `count` identities of an organisation.
pub(crate) fn organisation(seed: u64, count: usize, noise: &Noise) -> Organisation {
    let mut dice = Dice(seed);
    let people = people(&mut dice, noise);
    let mut left = Left::nobody();
    let mut leavers = Vec::new();
    for one in people.iter().filter(|one| one.left) {
        // Not every list tells user names.
        let also: Vec<_> = dice
            .chance(50)
            .then(|| one.user.clone())
            .into_iter()
            .collect();
        left.add(&one.mail, &also, None);
        leavers.push(one.mail.clone());
    }
    let things = (0..count)
        .map(|n| thing(&mut dice, &people, noise, n))
        .collect();
    Organisation {
        things,
        left,
        leavers,
    }
}

/// Who has to do with one thing.
struct Cast<'a> {
    people: &'a [Person],
    /// Who answers for how it runs.
    engineer: &'a Person,
    /// Who answers for why it exists.
    lead: &'a Person,
    /// Who answered for it before, if it changed hands; perhaps they left.
    before: Option<&'a Person>,
}

impl<'a> Cast<'a> {
    fn of_team(people: &'a [Person], team: usize, staying: bool) -> Vec<&'a Person> {
        let members = people.iter().filter(|one| one.team == team);
        members.filter(|one| !(staying && one.left)).collect()
    }

    fn mate(&self, dice: &mut Dice) -> &'a Person {
        let team = Self::of_team(self.people, self.engineer.team, false);
        team[dice.below(team.len())]
    }

    fn anybody(&self, dice: &mut Dice) -> &'a Person {
        dice.pick(self.people)
    }
}

fn thing(dice: &mut Dice, people: &[Person], noise: &Noise, n: usize) -> Owned {
    let team = dice.below(TEAMS.len());
    let staying = Cast::of_team(people, team, true);
    let cast = Cast {
        people,
        engineer: staying[dice.below(staying.len())],
        // Each team has one or two who answer for the business.
        lead: staying[dice.below(2)],
        before: dice.chance(noise.handed_over).then(|| dice.pick(people)),
    };
    let created = NOW - Duration::days(i64::try_from(dice.roll(1_800)).unwrap() + 1);
    let config = Observation::new(Kind::Identity, format!("identity/{n}"), &Scope::whole())
        .is(Attribute::CREATED_AT, created);
    let config = tags(dice, &cast, noise, config);
    let config = creator(dice, &cast, noise, config);
    let mut sightings = vec![sighting("aws_iam:000000000001", config)];
    let code = Observation::new(Kind::Identity, format!("/srv/app/{n}"), &Scope::whole());
    if dice.chance(noise.in_code) {
        let code = code_owners(dice, &cast, noise, code.clone());
        sightings.push(sighting("files:host:/srv/app", code));
    }
    if dice.chance(noise.author) {
        let code = author(dice, &cast, noise, code, created);
        sightings.push(sighting("git_history:host:/srv/app", code));
    }
    let id = sightings[0].entity.clone();
    let unique = |name: &str| people.iter().filter(|one| one.name == name).count() == 1;
    let spellings = |one: &Person| {
        let mut all = vec![one.mail.clone(), format!("@{}", one.user), one.user.clone()];
        if unique(&one.name) {
            all.push(one.name.replace(' ', "-"));
        }
        all
    };
    Owned {
        entity: inventory::assemble(&id, Vec::new(), sightings),
        team: format!("team-{}", TEAMS[team]),
        business: spellings(cast.lead),
        system: spellings(cast.engineer),
    }
}

/// As one of the ways in which people write a team.
fn team_spelled(dice: &mut Dice, team: usize) -> String {
    let name = TEAMS[team];
    match dice.roll(4) {
        0 => format!("team-{name}"),
        1 => format!("{name}-team@acme.test"),
        2 => format!("#team-{name}"),
        _ => name.to_owned(),
    }
}

/// As one of the ways in which people write a person.
fn person_spelled(dice: &mut Dice, person: &Person) -> String {
    match dice.roll(4) {
        0 | 1 => person.mail.clone(),
        2 => person.user.clone(),
        _ => person.name.clone(),
    }
}

fn tags(dice: &mut Dice, cast: &Cast<'_>, noise: &Noise, told: Observation) -> Observation {
    let mut tags = BTreeMap::from([("managed-by".to_owned(), "terraform".to_owned())]);
    if dice.chance(noise.tagged) {
        let stale = dice.chance(noise.tag_stale);
        let mut about = match cast.before {
            Some(before) if stale => before,
            _ => cast.engineer,
        };
        if dice.chance(noise.tag_copied) {
            about = cast.anybody(dice);
        }
        let (name, mut value) = match dice.roll(3) {
            0 => ("team", team_spelled(dice, about.team)),
            1 => ("Owner", team_spelled(dice, about.team)),
            _ => ("owner", person_spelled(dice, about)),
        };
        if dice.chance(noise.tag_placeholder) {
            value = (*dice.pick(&["unknown", "TBD", "n/a", "owner"])).to_owned();
        }
        tags.insert(name.to_owned(), value);
    }
    for (name, right) in [
        ("business-owner", cast.lead),
        ("technical_owner", cast.engineer),
    ] {
        if dice.chance(noise.role_tagged) {
            let wrong = dice.chance(noise.role_tag_wrong);
            let who = if wrong { cast.mate(dice) } else { right };
            tags.insert(name.to_owned(), who.mail.clone());
        }
    }
    told.is(Attribute::TAGS, tags)
}

fn creator(dice: &mut Dice, cast: &Cast<'_>, noise: &Noise, told: Observation) -> Observation {
    if !dice.chance(noise.creator) {
        return told;
    }
    let user = |one: &Person| format!("arn:aws:iam::000000000001:user/{}", one.user);
    let session = |one: &Person| {
        format!(
            "arn:aws:sts::000000000001:assumed-role/Engineer/{}",
            one.mail
        )
    };
    if dice.chance(noise.creator_machine) {
        let machines = [
            "arn:aws:iam::000000000001:role/terraform",
            "arn:aws:sts::000000000001:assumed-role/deploy/GitHubActions",
            "arn:aws:iam::000000000001:user/ci",
        ];
        return told.is(Attribute::CREATED_BY, *dice.pick(&machines));
    }
    let mut who = cast.before.unwrap_or(cast.engineer);
    if dice.chance(noise.creator_mate) {
        who = cast.mate(dice);
    }
    if dice.chance(noise.creator_platform) {
        let platform = Cast::of_team(cast.people, 0, false);
        who = platform[dice.below(platform.len())];
    }
    let spelled = if dice.chance(50) {
        user(who)
    } else {
        session(who)
    };
    told.is(Attribute::CREATED_BY, spelled)
}

fn code_owners(dice: &mut Dice, cast: &Cast<'_>, noise: &Noise, told: Observation) -> Observation {
    let mut team = cast.engineer.team;
    if let (Some(before), true) = (cast.before, dice.chance(50)) {
        team = before.team;
    }
    if dice.chance(noise.code_stale) {
        team = cast.anybody(dice).team;
    }
    if dice.chance(noise.code_catch_all) {
        let platform = vec![format!("@acme/{}", TEAMS[0])];
        return told.concluded(Attribute::CODE_OWNERS, platform, Confidence::Guessed);
    }
    let mut owners = vec![format!("@acme/{}", TEAMS[team])];
    match dice.roll(10) {
        0 => owners.push(format!("@{}", cast.mate(dice).user)),
        1 => owners.push(format!("@acme/{}", TEAMS[cast.anybody(dice).team])),
        _ => {}
    }
    told.is(Attribute::CODE_OWNERS, owners)
}

fn author(
    dice: &mut Dice,
    cast: &Cast<'_>,
    noise: &Noise,
    told: Observation,
    created: Timestamp,
) -> Observation {
    let mut who = cast.before.unwrap_or(cast.engineer);
    if dice.chance(noise.author_mate) {
        who = cast.mate(dice);
    }
    if dice.chance(noise.author_other) {
        who = cast.anybody(dice);
    }
    let mut author = match dice.roll(4) {
        0 => format!("{} <77+{}@users.noreply.github.com>", who.name, who.user),
        1 => format!("{} <{}@laptop.local>", who.name, who.user),
        _ => format!("{} <{}>", who.name, who.mail),
    };
    if dice.chance(noise.author_machine) {
        "renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>".clone_into(&mut author);
    }
    told.is(Attribute::AUTHOR, author)
        .is(Attribute::COMMITTED_AT, created)
}

pub(crate) fn sighting(source: &str, observation: Observation) -> Sighting {
    let key = SightingKey {
        source: source.parse().unwrap(),
        kind: observation.kind,
        native: observation.native.clone(),
    };
    Sighting {
        entity: EntityId::of(&key),
        key,
        observation,
        first_seen: NOW,
        since: NOW,
        last_seen: NOW,
        missing_since: None,
    }
}
