//! The accounts of an organisation of AWS, each a source of its own, read one after the other by a
//! role in it: what is held in memory is that of one account.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{AwsAccount, Refusal, aws_accounts};
use model::SourceId;
use store::{PassOutcome, SourceConfig};

use super::{Machine, Wanted};
use crate::{Engine, Error};

/// The accounts beside the one that was named.
#[derive(Default)]
pub(super) struct Members {
    pub(super) accounts: Vec<Wanted>,
    /// Why they are not known.
    pub(super) refused: Option<Refusal>,
}

impl Engine {
    /// The accounts of the organisation that `one` is of, where they are to be read.
    pub(super) fn members(
        &self,
        one: &Wanted,
        machine: &Machine,
        stop: &Arc<AtomicBool>,
    ) -> Members {
        let role = machine.organization_role.as_deref();
        let Some(role) = role.filter(|_| one.config.connector == "aws_iam") else {
            return Members::default();
        };
        match self.listed(one, stop) {
            Ok((own, accounts)) => {
                let others = accounts.into_iter().filter(|account| account.number != own);
                let unread = others.filter(|account| !self.was_read(account, machine));
                let wanted = unread.map(|account| member(one, &account, role));
                Members {
                    accounts: wanted.collect(),
                    refused: None,
                }
            }
            Err(Error::Refused(refusal)) => Members {
                refused: Some(refusal),
                ..Members::default()
            },
            // Whatever else it is, reading the account itself says it.
            Err(_) => Members::default(),
        }
    }

    fn listed(
        &self,
        one: &Wanted,
        stop: &Arc<AtomicBool>,
    ) -> Result<(String, Vec<AwsAccount>), Error> {
        let secret = one.secret.clone();
        let mut opened = self.open_config(one.config.clone(), secret, None, stop)?;
        let own = self.identify(&mut opened).map_err(Error::Refused)?;
        let listed = self.ask(&mut opened, &std::collections::BTreeMap::new(), |_, cx| {
            aws_accounts(cx)
        });
        Ok((own, listed.map_err(Error::Refused)?))
    }

    /// Whether an account was read since the time from which that counts.
    fn was_read(&self, account: &AwsAccount, machine: &Machine) -> bool {
        let Some(since) = machine.unless_read_since else {
            return false;
        };
        let id = SourceId::new("aws_iam", &account.number);
        let passes = self
            .store
            .read(|reading| reading.passes(&self.tenant, Some(&id), 1));
        let read = |outcome| matches!(outcome, Some(PassOutcome::Whole | PassOutcome::Partial));
        passes.is_ok_and(|passes| {
            let mut passes = passes.iter();
            passes.any(|pass| pass.started >= since && read(pass.outcome))
        })
    }
}

fn member(one: &Wanted, account: &AwsAccount, role: &str) -> Wanted {
    let AwsAccount {
        number, partition, ..
    } = account;
    let mut config = SourceConfig {
        id: SourceId::new("aws_iam", number),
        target: number.clone(),
        sealed_path: None,
        ..one.config.clone()
    };
    let arn = format!("arn:{partition}:iam::{number}:role/{role}");
    config.options.insert("assume_role".to_owned(), arn);
    Wanted {
        named: format!("{} ({number})", model::clean(&account.name)),
        config,
        secret: one.secret.clone(),
    }
}
