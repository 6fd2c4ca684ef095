//! A login that is tried once, and what the answer says of the password.
//!
//! Only a denial that speaks of the login makes it dead: no room, no line in `pg_hba.conf`, no
//! TLS, no answer leave it unknown. One that was let in is compared with a made-up word: a server
//! that lets that in as well looks at no password.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::Refusal;
use leaks::live::Answer;
use model::{Secret, Validity};

use super::ask::unready;
use super::servers::{self, Reach, System};
use crate::ports::{
    Bearer, MysqlPort, OutsideLimits, RedisLimits, RedisPort, SqlLimits, SqlPort, try_amqp_login,
};
use crate::spec::Postgres;
use crate::{Engine, Error};

/// No name of a user or a database is longer at any of these servers.
const NAME_BYTES_MAX: usize = 128;

/// What a MariaDB or MySQL says may be said of a good password.
const MAYBE_BOUND: &str = "denied, but an account that is bound to another host or has to come encrypted is denied so too; a source that lists the accounts of the server can tell";

/// A login to be tried.
pub(crate) struct Login {
    pub(super) reach: Reach,
    pub(super) user: String,
    pub(super) database: Option<String>,
    /// The password is written down for other logins as well: a denial by one is not the last word.
    pub(super) others: bool,
    /// The server lists this very password.
    pub(super) kept: bool,
}

/// Whether a name can be one, and is no more than that.
pub(super) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl Engine {
    /// Tries `login` with `secret`.
    ///
    /// # Errors
    /// Whoever asks was stopped, or nothing can be sent from here.
    pub(super) fn try_login(
        &self,
        login: &Login,
        secret: &Secret,
        limits: &OutsideLimits,
        stop: &Arc<AtomicBool>,
    ) -> Result<Answer, Refusal> {
        let told = self.enter(login, secret, limits, stop);
        if let Err(refusal) = &told
            && refusal.stop
        {
            return Err(refusal.clone());
        }
        let system = login.reach.system;
        let mut told = judge(system, &login.user, told.as_ref());
        if told.validity == Validity::Live {
            let made_up = self.enter(login, &made_up().map_err(unready)?, limits, stop);
            if made_up.is_ok() || is_past_the_password(system, &made_up) {
                told = unknown("it lets in any password: it looks at none".to_owned());
            }
        }
        if told.validity == Validity::Dead && login.others {
            let why = "denied here, but it is written down for another login or server as well";
            return Ok(unknown(why.to_owned()));
        }
        if told.validity == Validity::Dead && system == System::Mysql {
            let whole = servers::is_known_whole(self, &login.reach, &login.user);
            if login.kept || !whole.map_err(unready)? {
                return Ok(unknown(MAYBE_BOUND.to_owned()));
            }
        }
        Ok(told)
    }

    fn enter(
        &self,
        login: &Login,
        secret: &Secret,
        limits: &OutsideLimits,
        stop: &Arc<AtomicBool>,
    ) -> Result<(), Refusal> {
        let reach = &login.reach;
        let runtime = || self.runtime().map_err(unready);
        let server = reach.with(&login.user, secret.clone());
        let stop = Arc::clone(stop);
        match reach.system {
            System::Postgres => {
                let address = Postgres {
                    host: reach.host.clone(),
                    port: reach.port,
                    user: login.user.clone(),
                    database: login
                        .database
                        .clone()
                        .unwrap_or_else(|| "postgres".to_owned()),
                    tls: reach.tls.clone(),
                    password: None,
                };
                let bearer = Bearer {
                    user: login.user.clone(),
                    secret: secret.clone(),
                };
                let limits = sql(limits);
                SqlPort::new(runtime()?, address, Some(bearer), limits, stop).try_login()
            }
            System::Mysql => MysqlPort::new(runtime()?, server, sql(limits), stop).try_login(),
            System::Redis => RedisPort::new(server, redis(limits), stop).try_login(),
            System::Rabbitmq => try_amqp_login(&server, &redis(limits), &stop),
        }
    }
}

fn sql(limits: &OutsideLimits) -> SqlLimits {
    SqlLimits {
        connect: limits.answer,
        ..SqlLimits::default()
    }
}

fn redis(limits: &OutsideLimits) -> RedisLimits {
    RedisLimits {
        connect: limits.connect,
        reply: limits.answer,
        bytes_max: 64 << 10,
    }
}

/// A password that nobody has.
fn made_up() -> Result<Secret, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::Unfit("this machine gives no random numbers".to_owned()))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(digits.into_bytes()))
}

/// What the server's answer says of the password of `user`.
fn judge(system: System, user: &str, told: Result<&(), &Refusal>) -> Answer {
    let Err(refusal) = told else {
        return answer(Validity::Live, "the login was let in".to_owned());
    };
    let code = refusal.code.as_str();
    let is_denied = match system {
        // Of 28000 only where the server took on the role: an address that it turns away gets it
        // as well (`postgres_roles/judge.rs`).
        System::Postgres => matches!(code, "28P01" | "28000:InitializeSessionUserId"),
        System::Mysql => code.starts_with("1045/"),
        System::Redis => code == "WRONGPASS",
        // `guest` may come from the server's own machine alone, and is told the same elsewhere.
        System::Rabbitmq => {
            code == "403" && refusal.told.starts_with("ACCESS_REFUSED - Login") && user != "guest"
        }
    };
    if is_denied {
        return answer(Validity::Dead, format!("denied: {code}"));
    }
    if is_past_the_password(system, &Err::<(), _>(refusal)) {
        return answer(
            Validity::Live,
            format!("the password was taken; what was refused came after it ({code})"),
        );
    }
    unknown(format!(
        "the login was refused for another reason ({code}): {}",
        model::shorten(&model::clean(&refusal.told), 120)
    ))
}

/// Whether the server refuses what it only looks at once the password was right: that there is no
/// such database, or that the role may not enter it.
fn is_past_the_password<E: std::borrow::Borrow<Refusal>>(
    system: System,
    told: &Result<(), E>,
) -> bool {
    let code = told
        .as_ref()
        .err()
        .map(|refusal| refusal.borrow().code.as_str());
    match system {
        System::Postgres => matches!(code, Some("3D000" | "42501")),
        System::Mysql => code.is_some_and(|code| code.starts_with("1820/")),
        System::Redis | System::Rabbitmq => false,
    }
}

fn unknown(because: String) -> Answer {
    answer(Validity::Unknown, because)
}

const fn answer(validity: Validity, because: String) -> Answer {
    Answer {
        validity,
        because,
        principal: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Reason;

    fn told(system: System, code: &str, told: &str) -> Validity {
        let refusal = Refusal::new(Reason::Denied, told).code(code);
        judge(system, "app", Err(&refusal)).validity
    }

    #[test]
    fn only_a_denial_that_speaks_of_the_login_makes_it_dead() {
        use System::{Mysql, Postgres, Rabbitmq, Redis};
        use Validity::{Dead, Live, Unknown};
        let refused = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.";
        for (system, code, said, is) in [
            (Postgres, "28P01", "password authentication failed", Dead),
            (
                Postgres,
                "28000:InitializeSessionUserId",
                "no such role",
                Dead,
            ),
            (
                Postgres,
                "28000:ClientAuthentication",
                "no pg_hba.conf entry",
                Unknown,
            ),
            (Postgres, "28000", "an answer of a pooler", Unknown),
            (Postgres, "53300", "too many clients already", Unknown),
            (Postgres, "57P03", "starting up", Unknown),
            (Postgres, "3D000", "no such database", Live),
            (Postgres, "42501", "permission denied for database", Live),
            (Postgres, "08006", "no connection", Unknown),
            (Postgres, "", "error performing TLS handshake", Unknown),
            (Mysql, "1045/28000", "access denied", Dead),
            (Mysql, "1040/08004", "too many connections", Unknown),
            (Mysql, "1130/HY000", "host is not allowed", Unknown),
            (
                Mysql,
                "3159/HY000",
                "insecure transport is prohibited",
                Unknown,
            ),
            (Mysql, "4151/HY000", "account is locked", Unknown),
            (Mysql, "1820/HY000", "the password has to be reset", Live),
            (Redis, "WRONGPASS", "invalid username-password pair", Dead),
            (Redis, "DENIED", "running in protected mode", Unknown),
            (Redis, "ERR", "max number of clients reached", Unknown),
            (Redis, "no_redis", "something else", Unknown),
            (Rabbitmq, "403", refused, Dead),
            (
                Rabbitmq,
                "403",
                "ACCESS_REFUSED - access to vhost refused",
                Unknown,
            ),
            (Rabbitmq, "530", "NOT_ALLOWED - connection limit", Unknown),
            (Rabbitmq, "closed", "closed", Unknown),
        ] {
            assert_eq!(told(system, code, said), is, "{system:?} {code} {said}");
        }
        let refusal = Refusal::new(Reason::Denied, refused).code("403");
        let guest = judge(Rabbitmq, "guest", Err(&refusal));
        assert_eq!(guest.validity, Unknown);
    }
}
