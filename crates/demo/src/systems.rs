//! The systems of the organisation, and what is in each.

use model::{Attribute, Key, KeyKind, Kind, Observation, Reason, Relation, Scope, Timestamp, Told};

use crate::chance::Chance;
use crate::life::{Life, PARTS, TEAMS, ago};
use crate::organisation::Source;

const ACCOUNT: &str = "482913377210";
const BUCKETS: [&str; 5] = ["invoices", "exports", "backups", "events", "models"];
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

/// All of them, growing.
pub(crate) struct Systems {
    now: Timestamp,
    aws: Source,
    kubernetes: Source,
    github: Source,
    postgres: Source,
    files: Source,
    agents: Source,
}

/// Something of a kind, in a part of its source.
fn seen(kind: Kind, native: impl Into<String>, part: &str, type_: &str) -> Observation {
    Observation::new(kind, native, &Scope::of(part)).is(Attribute::TYPE, type_)
}

impl Systems {
    pub(crate) fn new(now: Timestamp) -> Self {
        let mut new = Self {
            now,
            aws: Source::new("aws_iam", ACCOUNT),
            kubernetes: Source::new("kubernetes", "prod-eu"),
            github: Source::new("github_organization", "acme"),
            postgres: Source::new("postgres_roles", "db.acme.example:5432"),
            files: Source::new("files", "build-7:/srv/repositories"),
            agents: Source::new("acme_agents", "platform"),
        };
        for bucket in BUCKETS {
            let name = format!("acme-{bucket}");
            let resource = seen(
                Kind::Resource,
                format!("bucket/{name}"),
                "buckets",
                "s3_bucket",
            );
            let resource = resource
                .is(Attribute::NAME, name)
                .is(Attribute::PROVIDER, "aws")
                .is(Attribute::ENVIRONMENT, "production");
            new.aws.see(Life::ALWAYS, resource);
        }
        new.gaps();
        new
    }

    pub(crate) fn into_sources(self) -> Vec<Source> {
        vec![
            self.aws,
            self.kubernetes,
            self.github,
            self.postgres,
            self.files,
            self.agents,
        ]
    }

    /// What may not be read.
    fn gaps(&mut self) {
        self.kubernetes.gap(
            &["secrets", "payments"],
            Reason::Denied,
            "HTTP 403: secrets is forbidden in namespace payments",
            Some("verb `list` on `secrets` in namespace `payments`"),
        );
        self.github.gap(
            &["deploy_keys"],
            Reason::Denied,
            "HTTP 403: Resource not accessible by integration",
            Some("permission `Administration: read`"),
        );
        self.github.gap(
            &["audit_log"],
            Reason::Unsupported,
            "the plan of this organisation has no audit log",
            None,
        );
        self.aws.gap(
            &["last_used", "us-gov-west-1"],
            Reason::Throttled,
            "HTTP 429: Rate exceeded",
            None,
        );
    }

    /// The `n`-th identity, of whichever system, with what it holds.
    pub(crate) fn one_more(&mut self, chance: &mut Chance, n: usize) {
        match chance.below(100) {
            0..40 => self.aws_user(chance, n),
            40..65 => self.service_account(chance, n),
            65..78 => self.app(chance, n),
            78..93 => self.role(chance, n),
            _ => self.agent(chance, n),
        }
        if chance.often(12) {
            self.certificate(chance, n);
        }
    }

    fn aws_user(&mut self, chance: &mut Chance, n: usize) {
        let team = chance.pick(&TEAMS);
        let name = format!("{team}-{}-{n}", chance.pick(&PARTS));
        let native = format!("user/{name}");
        let life = Life::by(chance);
        let user = seen(Kind::Identity, &*native, "users", "aws_iam_user")
            .key(Key::new(
                KeyKind::AwsPrincipalId,
                format!("{ACCOUNT}/AIDA{}", chance.letters(CAPITALS, 17)),
            ))
            .is(Attribute::NAME, &*name)
            .is(Attribute::PROVIDER, "aws")
            .is(Attribute::CLASS, "workload")
            .is(Attribute::STATUS, "active")
            .is(
                Attribute::ARN,
                format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            );
        let user = match chance.often(4) {
            true => user.is(Attribute::PRIVILEGE, "admin"),
            false => user.told::<&str>(Attribute::PRIVILEGE, Told::Absent),
        };
        let user = life.tell(chance, team, self.now, user);
        self.aws.see(life, user);
        for _ in 0..1 + i64::from(chance.often(15)) {
            self.access_key(chance, life, team, &native);
        }
        if chance.often(30) {
            let bucket = chance.pick(&BUCKETS);
            let grant = seen(
                Kind::Grant,
                format!("policy/{name}/{bucket}"),
                "policies",
                "aws_policy",
            );
            let grant = grant
                .is(Attribute::NAME, format!("read acme-{bucket}"))
                .is(Attribute::PROVIDER, "aws")
                .is(Attribute::RIGHTS, "s3:GetObject, s3:ListBucket")
                .link(Relation::Of, Kind::Identity, native)
                .link(
                    Relation::On,
                    Kind::Resource,
                    format!("bucket/acme-{bucket}"),
                );
            self.aws.see(life, grant);
        }
    }

    /// An access key; of some, the same lies in a repository.
    fn access_key(&mut self, chance: &mut Chance, of: Life, team: &str, holder: &str) {
        let id = format!("AKIA{}", chance.letters(CAPITALS, 16));
        let life = Life {
            born: 1 + chance.below(of.born),
            gone: of.gone,
        };
        let status = if chance.often(8) {
            "inactive"
        } else {
            "active"
        };
        let key = seen(
            Kind::Credential,
            format!("access_key/{id}"),
            "access_keys",
            "aws_access_key",
        );
        let key = key
            .key(Key::new(KeyKind::AwsAccessKeyId, &*id))
            .is(Attribute::NAME, &*id)
            .is(Attribute::PROVIDER, "aws")
            .is(Attribute::STATUS, status)
            .told::<Timestamp>(Attribute::EXPIRES_AT, Told::Absent)
            .link(Relation::Holder, Kind::Identity, holder);
        let key = life.tell(chance, team, self.now, key);
        self.aws.see(life, key);
        if chance.often(6) {
            let part = chance.pick(&PARTS);
            let author = chance.pick(&["Ann Lee", "Jo Park", "Sam Roy"]);
            let leaked = seen(
                Kind::Credential,
                format!("{team}/{part}/.env/{}", chance.letters(HEX, 8)),
                team,
                "aws_access_key",
            );
            let leaked = leaked
                .key(Key::new(KeyKind::AwsAccessKeyId, &*id))
                .is(Attribute::NAME, &*id)
                .is(Attribute::PROVIDER, "aws")
                .is(
                    Attribute::PLACE,
                    format!("/srv/repositories/{team}/{part}/.env"),
                )
                .is(Attribute::LINE, 1 + chance.below(40))
                .is(Attribute::AUTHOR, format!("{author} <{team}@acme.example>"))
                .is(Attribute::COMMITTED_AT, ago(self.now, life.born - 1));
            self.files.see(life, leaked);
        }
    }

    fn service_account(&mut self, chance: &mut Chance, n: usize) {
        let team = chance.pick(&TEAMS);
        let name = format!("{team}/{}-{n}", chance.pick(&PARTS));
        let native = format!("serviceaccount/{name}");
        let life = Life::by(chance);
        let account = seen(
            Kind::Identity,
            &*native,
            "serviceaccounts",
            "kubernetes_service_account",
        );
        let account = account
            .is(Attribute::NAME, &*name)
            .is(Attribute::PROVIDER, "kubernetes")
            .is(Attribute::CLASS, "workload")
            .is(Attribute::STATUS, "active");
        let account = life.tell(chance, team, self.now, account);
        self.kubernetes.see(life, account);
        if chance.often(50) {
            let token = seen(
                Kind::Credential,
                format!("secret/{name}-token"),
                "secrets",
                "kubernetes_token",
            );
            let token = token
                .is(Attribute::NAME, format!("{name}-token"))
                .is(Attribute::PROVIDER, "kubernetes")
                .link(Relation::Holder, Kind::Identity, native);
            let token = self.ends(chance, 50, 300, token);
            let token = life.tell(chance, team, self.now, token);
            self.kubernetes.see(life, token);
        }
    }

    fn app(&mut self, chance: &mut Chance, n: usize) {
        let team = chance.pick(&TEAMS);
        let does = chance.pick(&["Deploy", "Lint", "Release", "Triage", "Mirror"]);
        let name = format!("{does} {team} {n}");
        let native = format!("app/{n}");
        let life = Life::by(chance);
        let app = seen(Kind::Identity, &*native, "apps", "github_app")
            .is(Attribute::NAME, &*name)
            .is(Attribute::PROVIDER, "github")
            .is(Attribute::CLASS, "integration")
            .is(Attribute::STATUS, "active");
        let app = life.tell(chance, team, self.now, app);
        self.github.see(life, app);
        let token = seen(
            Kind::Credential,
            format!("token/{n}"),
            "tokens",
            "api_token",
        )
        .is(Attribute::NAME, format!("{name} token"))
        .is(Attribute::PROVIDER, "github")
        .is(Attribute::STATUS, "active")
        .link(Relation::Holder, Kind::Identity, native);
        let token = self.ends(chance, 30, 200, token);
        let token = life.tell(chance, team, self.now, token);
        self.github.see(life, token);
    }

    fn role(&mut self, chance: &mut Chance, n: usize) {
        let team = chance.pick(&TEAMS);
        let name = format!("{team}_{}_{n}", chance.pick(&PARTS));
        let native = format!("role/{name}");
        let life = Life::by(chance);
        let role = seen(Kind::Identity, &*native, "roles", "postgres_role")
            .is(Attribute::NAME, &*name)
            .is(Attribute::PROVIDER, "postgres")
            .is(Attribute::CLASS, "workload")
            .is(Attribute::STATUS, "active")
            .is(Attribute::ENVIRONMENT, "production");
        let role = match chance.often(3) {
            true => role.is(Attribute::PRIVILEGE, "superuser"),
            false => role.told::<&str>(Attribute::PRIVILEGE, Told::Absent),
        };
        self.postgres.see(life, role);
        let password = seen(
            Kind::Credential,
            format!("password/{name}"),
            "roles",
            "postgres_password",
        );
        let password = password
            .is(Attribute::NAME, format!("password of {name}"))
            .is(Attribute::PROVIDER, "postgres")
            .link(Relation::Holder, Kind::Identity, native);
        let password = self.ends(chance, 70, 180, password);
        self.postgres.see(life, password);
    }

    fn agent(&mut self, chance: &mut Chance, n: usize) {
        let team = chance.pick(&TEAMS);
        let does = chance.pick(&["support", "code-review", "research", "billing", "on-call"]);
        let name = format!("{does}-agent-{n}");
        let native = format!("agent/{n}");
        let life = Life::by(chance);
        let agent = seen(Kind::Identity, &*native, "agents", "ai_agent")
            .is(Attribute::NAME, &*name)
            .is(Attribute::PROVIDER, "acme")
            .is(Attribute::CLASS, "agentic")
            .is(Attribute::STATUS, "active");
        let agent = life.tell(chance, team, self.now, agent);
        self.agents.see(life, agent);
        let key = seen(Kind::Credential, format!("key/{n}"), "keys", "api_token")
            .is(Attribute::NAME, format!("{name} key"))
            .is(Attribute::PROVIDER, "acme")
            .link(Relation::Holder, Kind::Identity, native);
        let key = self.ends(chance, 0, 120, key);
        let key = life.tell(chance, team, self.now, key);
        self.agents.see(life, key);
    }

    fn certificate(&mut self, chance: &mut Chance, n: usize) {
        let host = format!("{}-{n}.acme.example", chance.pick(&TEAMS));
        let algorithm = chance.pick(&["rsa-2048", "ec-p256", "rsa-1024"]);
        let ends = chance.below(220) - 8;
        let certificate = seen(
            Kind::Credential,
            format!("tls/{host}.pem"),
            "tls",
            "x509_certificate",
        );
        let certificate = certificate
            .key(Key::new(
                KeyKind::CertificateSha256,
                chance.letters(HEX, 64),
            ))
            .is(Attribute::NAME, &*host)
            .is(Attribute::PROVIDER, "x509")
            .is(Attribute::SUBJECT, format!("CN={host}"))
            .is(Attribute::ISSUER, "CN=Acme Issuing CA 3")
            .is(Attribute::ALGORITHM, algorithm)
            .is(Attribute::VALID_FROM, ago(self.now, 60))
            .is(Attribute::EXPIRES_AT, ago(self.now, -ends))
            .is(
                Attribute::PLACE,
                format!("/srv/repositories/tls/{host}.pem"),
            );
        let life = Life {
            born: 60,
            gone: None,
        };
        self.files.see(life, certificate);
    }

    /// Never, `never` times of a hundred; else within so many days, or a few days ago.
    fn ends(&self, chance: &mut Chance, never: i64, days: i64, seen: Observation) -> Observation {
        match chance.often(never) {
            true => seen.told::<Timestamp>(Attribute::EXPIRES_AT, Told::Absent),
            false => {
                let ends = chance.below(days) - 6;
                seen.is(Attribute::EXPIRES_AT, ago(self.now, -ends))
            }
        }
    }

    /// Names that are text, and nothing else.
    pub(crate) fn hostile(&mut self, chance: &mut Chance) {
        let long = "a".repeat(300);
        let names = [
            "<script>alert(document.domain)</script>",
            "\u{202e}txt.exe\u{202c} \u{5d0}\u{5d1}\u{5d2}",
            "=HYPERLINK(\"http://evil.example\",\"open\")",
            "<img src=x onerror=alert(1)>",
            &long,
            "../../../etc/passwd",
            "{{constructor.constructor('alert(1)')()}}",
        ];
        for (n, name) in names.into_iter().enumerate() {
            let life = Life {
                born: 20,
                gone: None,
            };
            let tags = [("note".to_owned(), "<b>".repeat(3_400))];
            let agent = seen(
                Kind::Identity,
                format!("hostile/{n}"),
                "hostile",
                "ai_agent",
            )
            .is(Attribute::NAME, name)
            .is(Attribute::PROVIDER, "acme")
            .is(Attribute::CLASS, "agentic")
            .is(
                Attribute::TAGS,
                tags.into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
            );
            let agent = life.tell(chance, "risk", self.now, agent);
            self.agents.see(life, agent);
        }
    }

    /// The one that is looked at first: a key in a repository that opens an account and its bucket.
    pub(crate) fn ledger_export(&mut self) {
        let life = Life {
            born: 803,
            gone: None,
        };
        let (now, native) = (self.now, "user/ledger-export");
        let user = seen(Kind::Identity, native, "users", "aws_iam_user")
            .key(Key::new(
                KeyKind::AwsPrincipalId,
                format!("{ACCOUNT}/AIDALEDGEREXPORT00001"),
            ))
            .is(Attribute::NAME, "ledger-export")
            .is(Attribute::PROVIDER, "aws")
            .is(Attribute::CLASS, "workload")
            .is(Attribute::ENVIRONMENT, "production")
            .is(Attribute::STATUS, "active")
            .is(Attribute::PRIVILEGE, "admin")
            .is(Attribute::PURPOSE, "nightly export of the ledger")
            .is(Attribute::CREATED_AT, ago(now, 803))
            .is(Attribute::LAST_USED_AT, ago(now, 2))
            .is(Attribute::LAST_USED_FOR, "s3")
            .is(Attribute::OWNER_HINT, "team-ledger");
        self.aws.see(life, user);
        let id = "AKIAQ7ZJ3VXN5EXAMPLE";
        let key = |kind: &str, part: &str| {
            seen(Kind::Credential, kind, part, "aws_access_key")
                .key(Key::new(KeyKind::AwsAccessKeyId, id))
                .is(Attribute::NAME, id)
                .is(Attribute::PROVIDER, "aws")
        };
        let listed = key("access_key/ledger-export/1", "access_keys")
            .is(Attribute::STATUS, "active")
            .is(Attribute::CREATED_AT, ago(now, 803))
            .is(Attribute::LAST_USED_AT, ago(now, 2))
            .told::<Timestamp>(Attribute::EXPIRES_AT, Told::Absent)
            .link(Relation::Holder, Kind::Identity, native);
        self.aws.see(life, listed);
        let job = seen(
            Kind::Identity,
            "ledger/deploy/compose.yml#export",
            "ledger",
            "compose_service",
        );
        let job = job
            .is(Attribute::NAME, "ledger export job")
            .is(Attribute::PROVIDER, "compose")
            .is(Attribute::CLASS, "workload")
            .is(Attribute::ENVIRONMENT, "production");
        self.files.see(life, job);
        let leaked = key("ledger/deploy/.env/9c1d4f2a", "ledger")
            .is(Attribute::PLACE, "/srv/repositories/ledger/deploy/.env")
            .is(Attribute::LINE, 3_i64)
            .is(Attribute::AUTHOR, "Ann Lee <ann.lee@acme.example>")
            .is(Attribute::COMMITTED_AT, ago(now, 800))
            .link(
                Relation::UsedBy,
                Kind::Identity,
                "ledger/deploy/compose.yml#export",
            );
        self.files.see(life, leaked);
        for bucket in ["invoices", "exports"] {
            let grant = seen(
                Kind::Grant,
                format!("policy/ledger-export/{bucket}"),
                "policies",
                "aws_policy",
            );
            let grant = grant
                .is(Attribute::NAME, format!("write acme-{bucket}"))
                .is(Attribute::PROVIDER, "aws")
                .is(Attribute::RIGHTS, "s3:GetObject, s3:PutObject")
                .link(Relation::Of, Kind::Identity, native)
                .link(
                    Relation::On,
                    Kind::Resource,
                    format!("bucket/acme-{bucket}"),
                );
            self.aws.see(life, grant);
        }
    }
}
