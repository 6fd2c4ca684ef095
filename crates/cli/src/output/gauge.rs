//! The gauge alone: how much of the world stands behind a list, for formats that have no place
//! for it (CL-18). `-o csv=roll.csv -o gauge=roll.gauge.json` writes the two beside each other.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::list::Emit;
use super::{Fields, Gauge, Row, json};

/// One object, whatever the list is of; `null` where the list says nothing about the world.
#[derive(Default)]
pub(super) struct Alone {
    gauge: Gauge,
    rows: u64,
}

impl Emit for Alone {
    fn gauge(&mut self, gauge: &Gauge) {
        self.gauge = gauge.clone();
    }

    fn row(&mut self, _: &mut dyn Write, _: &Row, _: &Fields) -> io::Result<()> {
        self.rows += 1;
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        let mut record = self.gauge.record();
        if let Value::Object(fields) = &mut record {
            let told = self.gauge.to_string();
            let remarks: Vec<_> = footer.iter().filter(|line| **line != told).collect();
            let all = self.gauge.more_than_shown.unwrap_or(self.rows);
            fields.insert("rows".to_owned(), json!(self.rows));
            fields.insert("rows_in_all".to_owned(), json!(all));
            fields.insert("remarks".to_owned(), json!(remarks));
        }
        writeln!(out, "{}", json::text(&record))
    }

    fn carries_footer(&self) -> bool {
        true
    }
}
