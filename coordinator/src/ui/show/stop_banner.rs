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
