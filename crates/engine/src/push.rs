//! Collections that other programs push: the documented JSON, brought into the roll like a pass.

use std::io::Read;

use connectors::{Event, Header, Pushed, read_collection};
use model::{Gap, Reason};

use crate::collect::Open;
use crate::{Engine, Error, PassReport};

impl Engine {
    /// Takes a pushed collection. One that breaks off leaves its part and a gap over the whole.
    ///
    /// # Errors
    /// It is no collection, was made before or after its time, or the store gave out.
    pub fn push(&self, input: impl Read) -> Result<PassReport, Error> {
        let mut open: Option<Open> = None;
        let mut refused: Option<Error> = None;
        let read = read_collection(input, &self.keys.fingerprint_key, &mut |pushed| match (
            pushed, &mut open,
        ) {
            (Pushed::Begins(header), _) => match self.admit(&header) {
                Ok(begun) => open = Some(begun),
                Err(error) => refused = Some(error),
            },
            (Pushed::Event(event), Some(open)) => open.intake.take(*event),
            (Pushed::Event(_), None) => {}
        });
        if let Some(error) = refused {
            return Err(error);
        }
        match (read, open) {
            (Ok(_), Some(open)) => self.end(open, &mut |_| {}),
            (Err(error), Some(mut open)) => {
                let scope = open.scope().clone();
                open.intake.take(Event::Gap(Gap::new(
                    &scope,
                    Reason::Failed,
                    error.to_string(),
                )));
                self.end(open, &mut |_| {})
            }
            (Err(error), None) => Err(Error::Unfit(error.to_string())),
            (Ok(_), None) => Err(Error::Unfit("expected a collection, got none".into())),
        }
    }

    /// Begins the pass of a collection, unless its time cannot be right: what is older than the
    /// roll knows already would be a step back, and nothing was collected tomorrow.
    fn admit(&self, header: &Header) -> Result<Open, Error> {
        let now = self.now();
        if header.started > now {
            return Err(Error::Unfit(format!(
                "this collection began at {}, and it is {now} here; set the clocks right",
                header.started
            )));
        }
        let last = self
            .store
            .read(|reading| reading.passes(&self.tenant, Some(&header.source), 1))?;
        match last.first() {
            Some(last) if header.started < last.started => Err(Error::Unfit(format!(
                "this collection began at {}, and a later one of `{}` is known, of {}; push collections in their order",
                header.started,
                header.source.as_str(),
                last.started
            ))),
            _ => self.begin(&header.source, &header.scope, header.started),
        }
    }
}
