//! What a person says of a revocation that is not proven: that they give the trying up, or that
//! they vouch for it by evidence of another kind (revocation.md section 2, S-2).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use evidence::LeafKind;
use lifecycle::Event;
use model::{EntityId, PlanId, State, Timestamp};
use serde_json::{Value, json};
use store::{Durability, RevocationFilter, RevocationRow};

use super::ROWS;
use super::journal::{Transition, keep_sessions, shortened};
use crate::decide::text;
use crate::keys::hex;
use crate::{Engine, Error, Ledger};

/// In the body of a row: it was given up, wherever it stood.
pub(super) const FORCED: &str = "forced";

/// A file that shows something is no longer than this.
const FILE_BYTES_MAX: u64 = 1 << 30;

impl Engine {
    /// Makes a revocation that was begun and is not proven unverifiable. Nothing else changes: it
    /// stays in the queue, is a finding, and can be applied again.
    ///
    /// # Errors
    /// There is no such plan, it was never applied, it is proven, somebody else is at it, or store
    /// or log gave out.
    pub fn force(&self, id: &PlanId, reason: &str) -> Result<State, Error> {
        text("a reason", reason)?;
        let why = format!("{}: {reason}", self.actor);
        self.say(id, Event::Forced { why }, Some(json!({ FORCED: true })))
    }

    /// Attaches evidence of another kind to a revocation that cannot be verified: what the person
    /// found, and the file that shows it, of which name and SHA-256 are kept. It leaves the queue,
    /// and is watched as before: what is let in opens it again.
    ///
    /// # Errors
    /// There is no such plan, it is not unverifiable, the file cannot be read or is longer than
    /// 1 GiB, somebody else is at it, or store or log gave out.
    pub fn attest(&self, id: &PlanId, found: &str, file: Option<&Path>) -> Result<State, Error> {
        text("what was found", found)?;
        let attested = Event::Attested {
            by: self.actor.clone(),
            why: found.to_owned(),
            file: file.map(digest).transpose()?,
        };
        self.say(id, attested, None)
    }

    /// What a person says of the revocation by one plan, and what its row is to keep of it: in the
    /// log before it is so.
    fn say(&self, id: &PlanId, event: Event, body: Option<Value>) -> Result<State, Error> {
        let plan = self.plan(id)?;
        let lease = self.alone_at(&plan.body.subject)?;
        let (row, record) = self.load(&plan, false)?;
        if row.step == 0 {
            return Err(Error::Unfit(format!(
                "`{}` was never applied, so there is nothing to say of it; `keyroll apply {0}` begins it",
                plan.id
            )));
        }
        let now = self.now();
        let to = lifecycle::next(&row.state, event, now)
            .map_err(|error| Error::Unfit(error.to_string()))?;
        let transition = Transition {
            plan: plan.id.as_str(),
            from: &row.state,
            to: &to,
        };
        let proof = lifecycle::assemble(&plan, &[], &record, &to, "not asked");
        let (who, whose) = (&self.actor, plan.body.subject.entity.as_str());
        let leaves = [
            Ledger::leaf(LeafKind::Transition, now, who, whose, &transition)?,
            Ledger::leaf(LeafKind::Proof, now, who, whose, &shortened(&proof))?,
        ];
        let mut row = row.clone();
        row.state = to.clone();
        row.next_at = None;
        row.body = body.unwrap_or(row.body);
        keep_sessions(&mut row, &record);
        row.updated = now;
        self.store.write(Durability::Full, |writing| {
            writing.fence(&self.tenant, lease.lease())?;
            self.ledger.record(writing, &leaves)?;
            writing.put_revocation(&self.tenant, &row)?;
            Ok::<_, Error>(())
        })?;
        Ok(to)
    }

    /// Where the latest revocation of each thing stands.
    pub(crate) fn latest_revocations(&self) -> Result<BTreeMap<EntityId, State>, Error> {
        let mut latest = BTreeMap::<EntityId, (Timestamp, State)>::new();
        self.store.read(|reading| {
            let mut each = |row: RevocationRow| {
                let known = latest.get(&row.subject);
                if known.is_none_or(|(at, _)| *at < row.updated) {
                    latest.insert(row.subject, (row.updated, row.state));
                }
            };
            reading.each_revocation(&self.tenant, RevocationFilter::All, ROWS, &mut each)
        })?;
        let states = latest.into_iter().map(|(id, (_, state))| (id, state));
        Ok(states.collect())
    }
}

/// Name and SHA-256 of a file, as `sha256sum` tells them.
fn digest(path: &Path) -> Result<String, Error> {
    let shown = model::shorten(&model::clean(&path.display().to_string()), 200);
    let failed = |why: String| Error::Unfit(format!("cannot read the file `{shown}`: {why}"));
    let mut file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let (mut hash, mut buffer, mut read) = (Context::new(&SHA256), vec![0; 1 << 16], 0);
    loop {
        let some = file
            .read(&mut buffer)
            .map_err(|error| failed(error.to_string()))?;
        if some == 0 {
            break;
        }
        read += some as u64;
        if read > FILE_BYTES_MAX {
            return Err(failed("expected at most 1 GiB".to_owned()));
        }
        hash.update(&buffer[..some]);
    }
    let sum = hex(hash.finish().as_ref());
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    Ok(format!(
        "{} sha256:{sum}",
        model::shorten(&model::clean(&name), 100)
    ))
}
