//! Another made-up organisation: one repository for everything, robots that commit and create,
//! people who changed their names, mailboxes that several share, squashed merges, vendored code,
//! and a wave of leavers.
//!
//! It shares neither rates nor ways of going wrong with [`super::organisation`]: what holds over
//! both is less likely to be fitted to one. Nothing here reads the scorer's table.

use std::collections::BTreeMap;

use inventory::owners::Left;
use model::{Attribute, Confidence, Duration, Kind, Observation, Scope, Timestamp};

use super::organisation::{Dice, NOW, Organisation, Owned, sighting};

/// How often it goes which way, in percent of the things unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Leavers among the people.
    pub(crate) leavers: u64,
    /// People who bear another name than a year ago.
    pub(crate) renamed: u64,
    /// Of these, whose old names the repository's `.mailmap` leads to the new one.
    pub(crate) mailmap: u64,
    /// Things that a policy made somebody tag.
    pub(crate) tagged: u64,
    /// Of these, with the team's name from before the last reorganisation.
    pub(crate) old_team: u64,
    /// Of these, with what the template said.
    pub(crate) template: u64,
    /// Of these, naming a person and not a team.
    pub(crate) by_person: u64,
    /// Things declared in the repository.
    pub(crate) declared: u64,
    /// Of these, under a line of `CODEOWNERS` for everything else.
    pub(crate) catch_all: u64,
    /// Of these, under a line that names the wrong team.
    pub(crate) wrong_line: u64,
    /// Of these, whose line names persons and no team.
    pub(crate) line_of_persons: u64,
    /// Commits by robots.
    pub(crate) robots: u64,
    /// Commits under a mailbox that several share, or a build machine's.
    pub(crate) shared: u64,
    /// Commits whose author is whoever merged.
    pub(crate) squashed: u64,
    /// Commits that brought in much at once: vendored code, a move, a new format.
    pub(crate) bulk: u64,
    /// Things whose creator is told.
    pub(crate) creator: u64,
    /// Of these, made by a pipeline.
    pub(crate) pipeline: u64,
    /// Things that went from one team to another.
    pub(crate) moved: u64,
}

/// As such places are.
pub(crate) const BUSY: Habits = Habits {
    leavers: 24,
    renamed: 10,
    mailmap: 60,
    tagged: 78,
    old_team: 7,
    template: 4,
    by_person: 25,
    declared: 70,
    catch_all: 18,
    wrong_line: 5,
    line_of_persons: 12,
    robots: 25,
    shared: 8,
    squashed: 25,
    bulk: 14,
    creator: 50,
    pipeline: 60,
    moved: 10,
};

struct Person {
    /// Now, and a year ago.
    mail: [String; 2],
    user: String,
    team: usize,
    left: bool,
    mapped: bool,
}

#[rustfmt::skip]
const TEAMS: &[&str] = &[
    "core", "edge", "feeds", "graph", "inbox", "journal", "keys", "live", "market", "orders",
    "photos", "queue", "rides", "stories", "tickets", "uploads", "video", "wallet", "zones", "tax",
    "login", "abuse", "stock", "fleet",
];
#[rustfmt::skip]
const FIRST: &[&str] = &[
    "abel", "bela", "cora", "dora", "emil", "fara", "gil", "hugo", "ines", "jana", "karl", "lara",
    "mila", "nora", "oleg", "pavel", "ravi", "sven", "tara", "ulla", "vera", "wim", "yara", "zeno",
];
#[rustfmt::skip]
const LAST: &[&str] = &[
    "arnold", "bauer", "chen", "dubois", "engel", "ferrari", "garcia", "holm", "ito", "jung",
    "kaya", "lund", "mori", "nowak", "olsen", "petrov", "rao", "silva", "toth", "vogel", "weiss",
];
const TEAM_SIZE: usize = 9;
/// Files of a commit that brings much at once, and of one that does not, at most.
const BULK: u64 = 4_000;
const USUAL: u64 = 12;

fn people(dice: &mut Dice, habits: &Habits) -> Vec<Person> {
    let one = |n: usize, dice: &mut Dice| {
        let (first, last) = (FIRST[n % FIRST.len()], LAST[(n / 5 + 2 * n) % LAST.len()]);
        let before = LAST[(n / 7 + 3 * n + 1) % LAST.len()];
        let mail = format!("{first}{n}.{last}@corp.test");
        let renamed = dice.chance(habits.renamed);
        let old = if renamed {
            format!("{first}{n}.{before}@corp.test")
        } else {
            mail.clone()
        };
        Person {
            mail: [mail, old],
            user: format!("{}{last}{n}", &first[..1]),
            team: n % TEAMS.len(),
            left: n >= TEAMS.len() * 2 && dice.chance(habits.leavers),
            mapped: dice.chance(habits.mailmap),
        }
    };
    (0..TEAMS.len() * TEAM_SIZE).map(|n| one(n, dice)).collect()
}

/// Makes `count` identities.
pub(crate) fn monorepo(seed: u64, count: usize, habits: &Habits) -> Organisation {
    let mut dice = Dice(seed);
    let people = people(&mut dice, habits);
    let mut left = Left::nobody();
    let mut leavers = Vec::new();
    for one in people.iter().filter(|one| one.left) {
        left.add(&one.mail[0], &[one.user.clone(), one.mail[1].clone()], None);
        leavers.push(one.mail[0].clone());
    }
    let things = (0..count)
        .map(|n| thing(&mut dice, &people, habits, n))
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
    /// Whose it is.
    team: usize,
    engineer: &'a Person,
    lead: &'a Person,
    /// Who made it; of another team where it has moved, and perhaps gone.
    maker: &'a Person,
}

impl<'a> Cast<'a> {
    fn among(dice: &mut Dice, people: &'a [Person], team: usize, staying: bool) -> &'a Person {
        let fits = |one: &&Person| one.team == team && !(staying && one.left);
        let members: Vec<_> = people.iter().filter(fits).collect();
        members[dice.below(members.len())]
    }

    fn new(dice: &mut Dice, people: &'a [Person], habits: &Habits) -> Self {
        let team = dice.below(TEAMS.len());
        let engineer = Self::among(dice, people, team, true);
        let from = if dice.chance(habits.moved) {
            dice.below(TEAMS.len())
        } else {
            team
        };
        // Half of the things are run by whoever made them, if they are still there.
        let made = Self::among(dice, people, from, false);
        let maker = if from == team && dice.chance(70) {
            engineer
        } else {
            made
        };
        Self {
            people,
            team,
            engineer,
            lead: &people[team],
            maker,
        }
    }
}

fn thing(dice: &mut Dice, people: &[Person], habits: &Habits, n: usize) -> Owned {
    let cast = Cast::new(dice, people, habits);
    let created = NOW - Duration::days(i64::try_from(dice.roll(1_500)).unwrap() + 1);
    let config = Observation::new(Kind::Identity, format!("sa/{n}"), &Scope::whole())
        .is(Attribute::CREATED_AT, created);
    let config = labels(dice, &cast, habits, config);
    let config = creator(dice, &cast, habits, config);
    let mut sightings = vec![sighting("kubernetes:prod", config)];
    if dice.chance(habits.declared) {
        let native = format!("/srv/mono/deploy/{n}.yaml");
        let code = Observation::new(Kind::Identity, native, &Scope::whole());
        let code = code_owners(dice, &cast, habits, code);
        let code = author(dice, &cast, habits, code, created);
        sightings.push(sighting("files:host:/srv/mono", code));
    }
    let id = sightings[0].entity.clone();
    let spellings = |one: &Person| {
        let user = one.user.clone();
        vec![one.mail[0].clone(), format!("@{user}"), user]
    };
    Owned {
        entity: inventory::assemble(&id, Vec::new(), sightings),
        team: format!("team-{}", TEAMS[cast.team]),
        business: spellings(cast.lead),
        system: spellings(cast.engineer),
    }
}

fn labels(dice: &mut Dice, cast: &Cast<'_>, habits: &Habits, told: Observation) -> Observation {
    let mut labels = BTreeMap::from([
        ("app.kubernetes.io/managed-by".to_owned(), "Helm".to_owned()),
        ("cost-center".to_owned(), format!("cc-{}", dice.roll(900))),
    ]);
    if dice.chance(habits.tagged) {
        let mut team = cast.team;
        if dice.chance(habits.old_team) {
            team = dice.below(TEAMS.len());
        }
        let person = if dice.chance(70) {
            cast.engineer
        } else {
            cast.maker
        };
        let (name, value) = if dice.chance(habits.by_person) {
            let value = match dice.roll(3) {
                0 => person.user.clone(),
                1 => person.mail[0].clone(),
                _ => person.mail[1].clone(),
            };
            ("corp.test/owner", value)
        } else {
            match dice.roll(3) {
                0 => ("corp.test/team", TEAMS[team].to_owned()),
                1 => ("team", format!("{}-squad", TEAMS[team])),
                _ => ("contact", format!("{}@corp.test", TEAMS[team])),
            }
        };
        let value = if dice.chance(habits.template) {
            (*dice.pick(&["CHANGEME", "core", "owner", "none"])).to_owned()
        } else {
            value
        };
        labels.insert(name.to_owned(), value);
    }
    told.is(Attribute::TAGS, labels)
}

fn creator(dice: &mut Dice, cast: &Cast<'_>, habits: &Habits, told: Observation) -> Observation {
    if !dice.chance(habits.creator) {
        return told;
    }
    if dice.chance(habits.pipeline) {
        let machines = [
            "system:serviceaccount:argocd:argocd-application-controller",
            "system:serviceaccount:flux-system:helm-controller",
            "arn:aws:sts::000000000001:assumed-role/gha-deploy/GitHubActions",
        ];
        return told.is(Attribute::CREATED_BY, *dice.pick(&machines));
    }
    // Some create under a log-in that the whole team shares.
    if dice.chance(12) {
        return told.is(
            Attribute::CREATED_BY,
            *dice.pick(&["admin", "ops@corp.test"]),
        );
    }
    told.is(Attribute::CREATED_BY, cast.maker.mail[0].as_str())
}

fn code_owners(
    dice: &mut Dice,
    cast: &Cast<'_>,
    habits: &Habits,
    told: Observation,
) -> Observation {
    if dice.chance(habits.catch_all) {
        let rest = vec!["@corp/core".to_owned()];
        return told.concluded(Attribute::CODE_OWNERS, rest, Confidence::Guessed);
    }
    if dice.chance(habits.line_of_persons) {
        // Written down years ago, and whoever left is still on it.
        let members = (0..3).map(|_| Cast::among(dice, cast.people, cast.team, false));
        let names: Vec<_> = members.map(|one| format!("@{}", one.user)).collect();
        return told.is(Attribute::CODE_OWNERS, names);
    }
    let team = if dice.chance(habits.wrong_line) {
        dice.below(TEAMS.len())
    } else {
        cast.team
    };
    told.is(
        Attribute::CODE_OWNERS,
        vec![format!("@corp/{}", TEAMS[team])],
    )
}

fn author(
    dice: &mut Dice,
    cast: &Cast<'_>,
    habits: &Habits,
    told: Observation,
    created: Timestamp,
) -> Observation {
    let mut who = cast.maker;
    if dice.chance(habits.squashed) {
        // Mostly a team mate merges, sometimes whoever has the right to.
        let team = if dice.chance(75) { cast.team } else { 0 };
        who = Cast::among(dice, cast.people, team, false);
    }
    let bulk = dice.chance(habits.bulk);
    if bulk {
        who = &cast.people[dice.below(cast.people.len())];
    }
    // What was written before the change of name bears the old one, where nothing maps it.
    let old = usize::from(NOW - Duration::days(365) > created && !who.mapped);
    let mut name = format!("{} <{}>", who.user, who.mail[old]);
    if dice.chance(habits.robots) {
        let robots = [
            "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
            "Corp Release Robot <release-robot@corp.test>",
            "copybara-service <copybara-service@corp.test>",
        ];
        (*dice.pick(&robots)).clone_into(&mut name);
    } else if dice.chance(habits.shared) {
        let shared = [
            "Devs <dev@corp.test>",
            "ops <ops@corp.test>",
            "root <root@ip-10-0-3-4>",
        ];
        (*dice.pick(&shared)).clone_into(&mut name);
    }
    let files = 1 + dice.roll(if bulk { BULK } else { USUAL });
    told.is(Attribute::AUTHOR, name)
        .is(Attribute::COMMITTED_AT, created)
        .is(Attribute::COMMIT_FILES, i64::try_from(files).unwrap())
}
