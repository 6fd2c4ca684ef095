//! Secrets, read again from where they were seen, at the moment they are needed (decision 27).
//!
//! They are held in memory only, by whoever asked.

use std::collections::{BTreeMap, BTreeSet};

use connectors::{Connector, Context, Port, PortKind};
use model::{Attribute, Kind, Secret, SightingKey, SourceId};

use crate::fingerprints::{KeyedFingerprints, Logins};
use crate::ports::GitPort;
use crate::secrets::Secrets;
use crate::{Engine, Error};

/// The options of a source.
type Options = BTreeMap<String, String>;

impl Engine {
    /// The secrets that a source saw under `natives`, as far as they lie there still: by native
    /// id. Another value in their place is not theirs.
    pub(crate) fn read_again(
        &self,
        source: &SourceId,
        natives: &[String],
    ) -> BTreeMap<String, Secret> {
        let Some(connector) = connectors::connector(source.connector()) else {
            return BTreeMap::new();
        };
        let Ok((mut port, options)) = self.where_it_lay(connector, source, natives) else {
            return BTreeMap::new();
        };
        let logins = Logins::new();
        let fingerprints = KeyedFingerprints::new(&self.keys, &logins);
        let mut sink = |_| {};
        let rules = self.rules.at(connector, source.target());
        let secrets = rules.unwrap_or_default();
        let mut cx = Context::new(
            port.as_mut(),
            &fingerprints,
            source.target(),
            &options,
            self.now(),
            &mut sink,
        )
        .detecting(secrets.as_ref().map(Secrets::detector));
        let wanted: Vec<&str> = natives.iter().map(String::as_str).collect();
        connector.read_all_again(&mut cx, &wanted)
    }

    /// A port that reaches the places of `natives` and nothing else, and the source's options.
    fn where_it_lay(
        &self,
        connector: &dyn Connector,
        source: &SourceId,
        natives: &[String],
    ) -> Result<(Box<dyn Port>, Options), Error> {
        if connector.spec().port == PortKind::Git {
            // `machine:/repository`, as the source calls itself.
            let repository = source.target().split_once(':').map_or("", |(_, dir)| dir);
            let options = BTreeMap::from([("repository".to_owned(), repository.to_owned())]);
            return Ok((Box::new(GitPort::new(repository.into())), options));
        }
        let keys: Vec<_> = natives
            .iter()
            .map(|native| SightingKey {
                source: source.clone(),
                kind: Kind::Credential,
                native: native.clone(),
            })
            .collect();
        let sightings = self
            .store
            .read(|reading| reading.sightings(&self.tenant, &keys))?;
        let places: BTreeSet<String> = sightings
            .iter()
            .filter_map(|one| {
                let place = one.observation.facts.get(&Attribute::PLACE)?;
                place.told.is()?.text().map(str::to_owned)
            })
            .collect();
        let port = self.files_port(places.into_iter().collect());
        Ok((Box::new(port), BTreeMap::new()))
    }
}
