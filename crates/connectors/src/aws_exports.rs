//! What AWS's command line and SDKs printed into files: account authorization details, credential
//! reports, lists of keys, roles, certificates, secrets.
//!
//! Files are known by what is in them, never by their names, so any layout will do: the option
//! `dirs` names files and directories, one a line; without it the target is the directory.

use model::{Attribute, Fact, Kind, Observation, Reason, Scope, Timestamp, Told};

use crate::aws_iam::account::Account;
use crate::aws_iam::{handed, observe, report};
use crate::exports;
use crate::{Connector, Context, PortKind, Refusal, Spec, Stop};

/// Exports of AWS in files.
pub(crate) struct AwsExports;

impl Connector for AwsExports {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "aws_exports",
            reads: "answers of AWS that lie in files: authorization details, reports, lists",
            named: "export:PATH",
            target: "a directory or file; option `dirs` names several, one a line",
            port: PortKind::Files,
            needs_to_discover: &["read access to the files"],
            needs_to_act: &[],
            scopes: &["part of the account", "user"],
        }
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let mut found = Account::new(cx.now);
        let first = exports::places(cx).into_iter().next();
        let (files, trouble) = exports::files(cx);
        if files.is_empty()
            && let Some((_, refusal)) = trouble.into_iter().next()
        {
            return Err(refusal);
        }
        for file in files {
            // What cannot be read becomes a gap when the pass reads it.
            drop(read(cx, &file, &mut found));
        }
        found.settle();
        Ok(found.account().unwrap_or_else(|| {
            let first = first.unwrap_or_default();
            first
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or(&first)
                .to_owned()
        }))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = Account::new(cx.now);
        let (files, mut trouble) = exports::files(cx);
        let mut ended = Ok(());
        for file in files {
            match read(cx, &file, &mut found) {
                Ok(true) => {}
                Ok(false) => cx.set_aside("file that is no export of AWS"),
                Err(refusal) => {
                    let stop = refusal.stop;
                    trouble.push((file, refusal));
                    if stop {
                        ended = Err(Stop);
                        break;
                    }
                }
            }
        }
        handed::variables(cx, &mut found);
        let mut told = observe::observations(&mut found);
        count_until(&mut told, cx.now);
        for one in told {
            cx.observe(one);
        }
        // Anything may lie in a file that cannot be read, so its gap is one of the whole source.
        for (place, refusal) in trouble {
            let told = format!("{place}: {}", refusal.told);
            cx.gap(
                &Scope::whole(),
                &Refusal { told, ..refusal },
                Some("read access to the file"),
            )?;
        }
        unmet(cx, &found)?;
        if found.beyond > 0 {
            let told = format!("{} more things than the limit", found.beyond);
            cx.gap(
                &Scope::whole(),
                &Refusal::new(Reason::Unsupported, told),
                None,
            )?;
        }
        ended
    }
}

/// What no file told of, with the call whose answer would.
fn unmet(cx: &mut Context<'_>, found: &Account) -> Result<(), Stop> {
    for (what, part, call) in [
        (
            "users",
            "users",
            "aws iam get-account-authorization-details",
        ),
        (
            "roles",
            "roles",
            "aws iam get-account-authorization-details",
        ),
        (
            "credential report",
            "report",
            "aws iam get-credential-report",
        ),
    ] {
        if !found.met.contains(what) {
            let told = format!("no file holds the {what}; add the answer of `{call}`");
            cx.gap(
                &Scope::of(part),
                &Refusal::new(Reason::Unsupported, told),
                None,
            )?;
        }
    }
    if !found.met.contains("access keys") {
        let told =
            "no file lists access keys by their ids; add the answers of `aws iam list-access-keys`";
        cx.gap(
            &Scope::of("access_keys"),
            &Refusal::new(Reason::Unsupported, told),
            None,
        )?;
    }
    Ok(())
}

/// Whether the file is an export; an error if it should be one and cannot be read as one.
fn read(cx: &mut Context<'_>, path: &str, found: &mut Account) -> Result<bool, Refusal> {
    let file = cx.read(path, exports::FILE_BYTES_MAX)?;
    let bytes = file.bytes.expose();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if file.cut {
        return Err(exports::too_large());
    }
    if exports::is_json(path, bytes) {
        return exports::json(bytes, &mut |value| found.take(value)).map(|()| true);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(false);
    };
    if report::is_report(text) {
        let lines = report::lines(text).ok_or_else(|| {
            Refusal::new(
                Reason::Failed,
                "expected a credential report, got a broken table",
            )
        })?;
        found.take_report(lines);
        return Ok(true);
    }
    Ok(false)
}

/// An export does not say when it was taken, but whatever it tells of had happened by then: uses
/// are counted at least up to the latest of it.
fn count_until(told: &mut [Observation], now: Timestamp) {
    const TIMES: [Attribute; 3] = [
        Attribute::CREATED_AT,
        Attribute::ROTATED_AT,
        Attribute::LAST_USED_AT,
    ];
    let times = told.iter().flat_map(|one| {
        let times = TIMES.iter().map(|attribute| one.fact(attribute));
        times
            .filter_map(|told| told.is()?.time())
            .collect::<Vec<_>>()
    });
    let Some(latest) = times.filter(|at| *at <= now).max() else {
        return;
    };
    for one in told {
        if one.kind == Kind::Credential && one.facts.contains_key(&Attribute::LAST_USED_AT) {
            let until = Fact::stated(Told::Is(latest.into()));
            one.facts.insert(Attribute::USES_COUNTED_UNTIL, until);
        }
    }
}
