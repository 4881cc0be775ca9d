//! The banner over a vault's pages while a stop is in force.

use std::fmt;

use askama::filters::HtmlSafe;
use policies::VaultId;

use super::{Moment, Outside};
use crate::service::stop_view::{MOST_TOLD, StopEntry};

/// Says that a vault pays nobody, why, and who may end it; nothing where no stop is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StopBanner {
    vault: VaultId,
    stops: Vec<StopEntry>,
}

/// The banner of a vault's pages.
pub(crate) fn stop_banner(vault: VaultId, in_force: &[StopEntry]) -> StopBanner {
    StopBanner {
        vault,
        stops: in_force.to_vec(),
    }
}

impl fmt::Display for StopBanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.stops.first() else {
            return Ok(());
        };
        f.write_str(
            "<div class=\"notice notice-bad below\" role=\"status\"><p class=\"big strong\">This vault is stopped: it pays nobody.</p>",
        )?;
        for stop in &self.stops {
            let by: Vec<&str> = stop
                .signed
                .iter()
                .map(|one| one.approver.as_str())
                .collect();
            write!(
                f,
                "<p>{} by {}",
                Moment::new(stop.created),
                Outside::new(&by.join(", "))
            )?;
            if stop.reason.is_empty() {
                f.write_str(", without a reason.</p>")?;
            } else {
                write!(f, ": {}</p>", Outside::new(&stop.reason))?;
            }
        }
        if self.stops.len() >= usize::try_from(MOST_TOLD).unwrap_or(usize::MAX) {
            f.write_str("<p>There may be more.</p>")?;
        }
        let release = first.release.as_ref().map_or_else(
            || "The policy names nobody who may release it.".to_owned(),
            |release| {
                format!(
                    "It is over once {}.",
                    who(release.missing(), release.group.as_deref())
                )
            },
        );
        write!(
            f,
            "<p>{} <a href=\"/vaults/{}/stops\">To the stops</a></p></div>",
            super::escaped(&release),
            self.vault
        )
    }
}

/// How many persons of a group have still to sign a release, in words.
fn who(missing: usize, group: Option<&str>) -> String {
    let persons = match (missing, group) {
        (1, Some(group)) => format!("one more person of {group} signs"),
        (1, None) => "one more approver signs".to_owned(),
        (many, Some(group)) => format!("{many} more persons of {group} sign"),
        (many, None) => format!("{many} more approvers sign"),
    };
    format!("{persons} its release")
}

impl HtmlSafe for StopBanner {}

#[cfg(test)]
mod tests {
    use policies::{Subject, UnixTime};

    use super::*;
    use crate::service::stop_view::StopState;

    fn entry(number: u8) -> StopEntry {
        StopEntry {
            stop: Subject::from_bytes([number; 32]),
            reason: format!("reason {number}"),
            created: UnixTime::from_secs(1_795_400_000),
            stored_at: UnixTime::from_secs(1_795_400_000),
            stored_by: "dana".to_owned(),
            state: StopState::InForce,
            signed: Vec::new(),
            since: None,
            release: None,
            file: String::new(),
        }
    }

    #[test]
    fn as_many_stops_as_are_told_may_not_be_all_of_them() {
        let vault = VaultId::from_bytes([7; 32]);
        let drawn = |stops: u8| {
            let stops: Vec<StopEntry> = (0..stops).map(entry).collect();
            stop_banner(vault, &stops).to_string()
        };
        assert_eq!(drawn(0), "");
        for (stops, more) in [(1, false), (4, false), (5, true)] {
            let banner = drawn(stops);
            assert_eq!(banner.matches("reason ").count(), usize::from(stops));
            assert_eq!(banner.contains("There may be more."), more, "{banner}");
        }
    }
}
