//! One contract, one text, both real engines: SQLite in a file, PostgreSQL on a server.
//!
//! Each claim runs once per engine. Without a server at `KEYROLL_TEST_PG` the PostgreSQL half is
//! skipped aloud, or fails where `KEYROLL_REQUIRE_SERVERS` is set.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::too_many_lines, reason = "a claim is told in one piece")]

/// Makes a test of each claim on each engine.
macro_rules! contract {
    ($($claim:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $claim() { super::$claim(&crate::world::World::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $claim() {
                let Some(world) = crate::world::World::postgres(stringify!($claim)) else { return };
                super::$claim(&world);
            })*
        }
    };
}

#[path = "contract/access.rs"]
mod access;
#[path = "contract/archive.rs"]
mod archive;
#[path = "contract/crash.rs"]
mod crash;
#[path = "contract/feed.rs"]
mod feed;
#[path = "contract/filters.rs"]
mod filters;
#[path = "contract/history.rs"]
mod history;
#[path = "contract/opening.rs"]
mod opening;
#[path = "contract/past.rs"]
mod past;
#[path = "contract/query.rs"]
mod query;
#[path = "contract/roll.rs"]
mod roll;
#[path = "contract/rows.rs"]
mod rows;
#[path = "contract/search.rs"]
mod search;
#[path = "contract/spots.rs"]
mod spots;
#[path = "contract/tenants.rs"]
mod tenants;
#[path = "contract/tls.rs"]
mod tls;
#[path = "contract/world.rs"]
mod world;
