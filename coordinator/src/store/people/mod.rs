//! Persons who sign in, and all that is kept of them: passkeys, invitations, sessions, roles, absences.
//!
//! Invariant: of a secret only its hash is stored, and no row is ever deleted but a challenge that is over.

pub mod absences;
pub mod ceremonies;
pub mod credentials;
pub mod invitations;
pub mod page_keys;
pub mod persons;
pub mod role_changes;
pub mod sessions;

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Value};

/// A time of a column that may be empty.
fn optional_time(row: &Row, column: &'static str) -> Result<Option<UnixTime>, DatabaseError> {
    Ok(row.optional_u64(column)?.map(UnixTime::from_secs))
}

/// A time of a column.
fn time(row: &Row, column: &'static str) -> Result<UnixTime, DatabaseError> {
    row.u64(column).map(UnixTime::from_secs)
}

/// A time as a parameter.
fn at(time: UnixTime) -> Result<Value, DatabaseError> {
    Value::from_u64(time.as_secs())
}
