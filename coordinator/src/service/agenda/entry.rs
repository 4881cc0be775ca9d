//! The line of one entry of an open list that is not in force.

use policies::{Subject, UnixTime, VaultId};

use super::asking::{Asked, Eyes, Spread, ask, missing};
use super::line::{AgendaKind, AgendaLine, made};
use super::words::{moment, some_of};

/// An entry of an open list that is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) vault: VaultId,
    pub(super) subject: Subject,
    pub(super) list: String,
    pub(super) label: String,
    pub(super) since: UnixTime,
    pub(super) stands: Listing,
}

/// What an entry waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listing {
    /// The list's quorum.
    Open {
        /// Who has approved.
        approved_by: Vec<String>,
        /// Who may still.
        asked: Asked,
    },
    /// Its time.
    Cooling {
        /// Until when.
        until: UnixTime,
    },
    /// The confirmation of its first payment.
    Unconfirmed {
        /// Who may confirm.
        asked: Asked,
    },
}

/// The line of an entry.
pub(super) fn entry_line(entry: &Entry, eyes: &Eyes<'_>) -> AgendaLine {
    let (spread, what, todo) = match &entry.stands {
        Listing::Open { approved_by, asked } => {
            let spread = Spread::of(asked, eyes);
            let what = missing(approved_by, asked, &spread);
            let todo = ask(
                &spread,
                asked.needed,
                "Compare the address by another way, and approve it with your own tool.",
            );
            (spread, what, todo)
        }
        Listing::Cooling { until } => (
            Spread::nobody(),
            format!(
                "It cools off until {}. Nothing is paid to it before.",
                moment(*until)
            ),
            "Nothing: wait. Remove it if it is wrong.".to_owned(),
        ),
        Listing::Unconfirmed { asked } => {
            let spread = Spread::of(asked, eyes);
            let what = format!(
                "Its test payment was made. Waits for {} to confirm that it arrived.{}",
                some_of(asked.needed, &asked.may),
                spread.away
            );
            let todo = ask(
                &spread,
                asked.needed,
                "Ask the receiver whether it arrived, and confirm it with your own tool.",
            );
            (spread, what, todo)
        }
    };
    made(
        AgendaKind::Entry,
        (
            entry.vault,
            format!(
                "/vaults/{}/address-book/{}/entries/{}",
                entry.vault, entry.list, entry.subject
            ),
        ),
        format!("{} on list {}", entry.label, entry.list),
        (spread, what, todo),
        entry.since,
    )
}
