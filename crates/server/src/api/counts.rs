//! What the server counts of itself.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

type Labels = Vec<(&'static str, String)>;

/// Bounds of the time to an answer, in seconds.
const TOOK: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Requests, and how long they took.
#[derive(Debug)]
pub(crate) struct Counts {
    registry: Registry,
    requests: Family<Labels, Counter>,
    took: Family<Labels, Histogram>,
}

impl Default for Counts {
    fn default() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let took = Family::new_with_constructor((|| Histogram::new(TOOK)) as fn() -> Histogram);
        let name = "keyroll_http_requests";
        registry.register(
            name,
            "Requests by route, method and status",
            requests.clone(),
        );
        let told = "Time to the head of the answer by route";
        registry.register_with_unit("keyroll_http_answer", told, Unit::Seconds, took.clone());
        Self {
            registry,
            requests,
            took,
        }
    }
}

impl Counts {
    /// Counts one answer. A route is one of ours, so the labels are few.
    pub(crate) fn took(&self, route: &str, method: &Method, status: StatusCode, time: Duration) {
        let route = ("route", route.to_owned());
        let method = match *method {
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE => method.as_str(),
            _ => "other",
        };
        let labels = vec![
            route.clone(),
            ("method", method.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.took
            .get_or_create(&vec![route])
            .observe(time.as_secs_f64());
    }

    /// As OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
