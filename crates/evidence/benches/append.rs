//! How many leaves a second go from facts to a signed checkpoint, by size of batch.
//!
//! Counted are writing the leaf, hashing it, making the tiles and signing once a batch; not
//! counted is what the store does with them. `cargo bench -p evidence --bench append`.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use evidence::{Fault, Head, Leaf, LeafKind, Scope, Signer, TileId, Tiles, append, export, verify};
use model::{Secret, Timestamp};
use serde_json::json;

/// What an evidence log must reach, in leaves a second.
const TARGET: f64 = 20_000.0;
const LEAVES: u32 = 40_000;

#[derive(Default)]
struct Memory(BTreeMap<TileId, Vec<u8>>);

impl Tiles for Memory {
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.0.get(&id).cloned())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let signer = Signer::new("keyroll.example/bench", &Secret::new(vec![7; 32]))?;
    println!("{LEAVES} leaves, target {TARGET} leaves/s");
    for batch in [1, 16, 256, 4096, 40_000] {
        let leaves = if batch == 1 { LEAVES / 10 } else { LEAVES };
        let (mut memory, mut head) = (Memory::default(), Head::EMPTY);
        let mut note = signer.sign(head)?;
        let started = Instant::now();
        for first in (0..leaves).step_by(batch) {
            let last = leaves.min(first.saturating_add(u32::try_from(batch)?));
            let records = (first..last).map(record).collect::<Result<Vec<_>, _>>()?;
            let appended = append(&memory, head, &records)?;
            head = appended.head;
            memory.0.extend(appended.tiles);
            note = signer.sign(head)?;
        }
        let rate = f64::from(leaves) / started.elapsed().as_secs_f64();
        println!(
            "append  batch {batch:>5}: {rate:>9.0} leaves/s, {:.1} x target",
            rate / TARGET
        );
        if batch == 40_000 {
            carry(&signer, &memory, &note)?;
        }
    }
    Ok(())
}

/// Exports and verifies the whole log.
fn carry(signer: &Signer, memory: &Memory, note: &[u8]) -> Result<(), Box<dyn Error>> {
    let records = (0..LEAVES).map(record).collect::<Result<Vec<_>, _>>()?;
    let leaves = (0..).zip(records.iter().map(Vec::as_slice));
    let started = Instant::now();
    let bundle = export(memory, note, signer.public_key(), Scope::Log, leaves)?;
    let exported = f64::from(LEAVES) / started.elapsed().as_secs_f64();
    println!("export  {exported:>9.0} leaves/s, {} bytes", bundle.len());
    let started = Instant::now();
    let found = verify(&bundle, signer.public_key())?;
    let verified = f64::from(LEAVES) / started.elapsed().as_secs_f64();
    println!("verify  {verified:>9.0} leaves/s, {} tiles", found.tiles);
    Ok(())
}

/// A leaf as a probe of a revoked credential writes it.
fn record(n: u32) -> Result<Vec<u8>, evidence::Error> {
    let body = json!({
        "plan": "pln-0a1b2c3d4e5f6g7h", "path": "127.0.0.1:5432/app", "n": n, "took_us": 41_233,
        "outcome": "refused", "code": "28P01", "told": "password authentication failed",
    });
    let at = Timestamp::from_seconds(1_770_000_000 + i64::from(n));
    let subject = format!("crd-{:024}", n % 1000);
    Leaf::new(LeafKind::Probe, at, "node:1", &subject, &body)?.to_bytes()
}
