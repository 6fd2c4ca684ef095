//! Events of platforms, at a listener.

use std::sync::Arc;

use connectors::events::Delivery;
use engine::receive::Receiver;
use model::Timestamp;

use crate::listen::{Answer, Answers, Asked};

/// Gives deliveries to a receiver.
pub struct EventsAt {
    receiver: Arc<Receiver>,
    clock: engine::Clock,
    woken: Box<dyn Fn() + Send + Sync>,
}

impl EventsAt {
    /// To `receiver`; `woken` is called after each, so that somebody drains it.
    pub fn new(
        receiver: Arc<Receiver>,
        clock: engine::Clock,
        woken: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            receiver,
            clock,
            woken: Box::new(woken),
        }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl Answers for EventsAt {
    fn answer(&self, asked: &Asked) -> Answer {
        let delivery = Delivery {
            method: &asked.method,
            headers: &asked.headers,
            body: &asked.body,
            at: self.now(),
        };
        let answered = self.receiver.take(&asked.path, &delivery);
        (self.woken)();
        Answer {
            status: answered.status,
            headers: answered.headers,
            body: answered.body,
        }
    }

    fn refused(&self, path: &str, what: &'static str) {
        self.receiver.count(path, what);
    }
}
