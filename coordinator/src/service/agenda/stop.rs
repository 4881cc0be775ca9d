//! The line of one stop in force: who can release it.

use policies::{UnixTime, VaultId};

use super::asking::{Asked, Eyes, Spread, ask};
use super::line::{AgendaKind, AgendaLine, made};
use super::words::{and, has, some_of};

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    pub(super) vault: VaultId,
    pub(super) by: Vec<String>,
    pub(super) reason: String,
    pub(super) since: UnixTime,
    /// Who has signed its release, and who may still; none where the policy names nobody.
    pub(super) release: Option<(Vec<String>, Asked)>,
}

/// The line of a stop.
pub(super) fn stop_line(stop: &Stopped, eyes: &Eyes<'_>) -> AgendaLine {
    let mut what = format!(
        "{} stopped the vault: {}. It pays nobody until the stop is released.",
        and(&stop.by),
        stop.reason
    );
    let (spread, todo) = match &stop.release {
        None => (
            Spread::operator(eyes),
            "The policy names nobody who releases it: move the money to a new vault.".to_owned(),
        ),
        Some((signed, asked)) => {
            let spread = Spread::of(asked, eyes);
            what += &format!(
                " The release waits for {}.{}",
                some_of(asked.needed, &asked.may),
                spread.away
            );
            if !signed.is_empty() {
                what += &format!(" {} {} signed it.", and(signed), has(signed.len()));
            }
            let todo = ask(
                &spread,
                asked.needed,
                "Once the reason is gone, release it with your own tool.",
            );
            (spread, todo)
        }
    };
    made(
        AgendaKind::Stop,
        (stop.vault, format!("/vaults/{}/stops", stop.vault)),
        "Stop in force".to_owned(),
        (spread, what, todo),
        stop.since,
    )
}
