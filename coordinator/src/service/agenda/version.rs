//! The line of one version of the policy: proposed, approved, or in force and not followed by all.

use policies::{PolicyId, UnixTime, VaultId};

use super::asking::{Asked, Eyes, Spread, ask, missing};
use super::line::{AgendaKind, AgendaLine, made};
use super::words::{and, has, moment};

/// A proposed version, or one in force that not every signer follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) vault: VaultId,
    pub(super) policy: PolicyId,
    pub(super) number: u32,
    pub(super) since: UnixTime,
    pub(super) stands: Stage,
}

/// What a version waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// Approvals of the version before.
    Open {
        /// Who has approved.
        approved_by: Vec<String>,
        /// Who may still.
        asked: Asked,
    },
    /// Its delay.
    Delay {
        /// Until when it runs here.
        until: UnixTime,
        /// Signers at each of whom a human must pin it.
        pin: Vec<String>,
    },
    /// Its delay is over here.
    Ripe {
        /// Whether it alters keys, so that an operator puts it in force.
        keys: bool,
        /// Signers at each of whom a human must pin it.
        pin: Vec<String>,
    },
    /// Another successor was approved too.
    Disputed,
    /// It is in force here; these signers did not say that they follow it.
    Announced {
        /// The signers, each with its person.
        waits_for: Vec<(String, String)>,
    },
}

/// The line of a version.
pub(super) fn version_line(version: &Version, eyes: &Eyes<'_>) -> AgendaLine {
    let pinned = |pin: &[String]| match pin.len() {
        0 => String::new(),
        _ => format!(" It must be pinned by hand at {}.", and(pin)),
    };
    let (spread, what, todo) = match &version.stands {
        Stage::Open { approved_by, asked } => {
            let spread = Spread::of(asked, eyes);
            let what = missing(approved_by, asked, &spread);
            let todo = ask(
                &spread,
                asked.needed,
                "Compare it with the version in force in your own tool, and approve it.",
            );
            (spread, what, todo)
        }
        Stage::Delay { until, pin } => (
            Spread::nobody(),
            format!(
                "It is approved. Its delay runs here until {}.{}",
                moment(*until),
                pinned(pin)
            ),
            "Nothing: wait. If it is wrong, propose another and stop the vault.".to_owned(),
        ),
        Stage::Ripe { keys: true, pin } => (
            Spread::operator(eyes),
            format!("Its delay is over. It alters keys.{}", pinned(pin)),
            "Put it in force.".to_owned(),
        ),
        Stage::Ripe { keys: false, .. } => (
            Spread::nobody(),
            "Its delay is over. It is about to come in force.".to_owned(),
            "Nothing: it comes in force by itself.".to_owned(),
        ),
        Stage::Disputed => (
            Spread::operator(eyes),
            "Another successor was approved too, and only one can come in force.".to_owned(),
            "Ask those who approved which one is meant, and put that one in force.".to_owned(),
        ),
        Stage::Announced { waits_for } => announced(waits_for, eyes),
    };
    let page = match version.stands {
        Stage::Announced { .. } => format!("/vaults/{}/policy", version.vault),
        Stage::Open { .. } | Stage::Delay { .. } | Stage::Ripe { .. } | Stage::Disputed => {
            format!(
                "/vaults/{}/policy/versions/{}",
                version.vault, version.policy
            )
        }
    };
    made(
        AgendaKind::Version,
        (version.vault, page),
        format!("Version {} of the policy", version.number),
        (spread, what, todo),
        version.since,
    )
}

fn announced(waits_for: &[(String, String)], eyes: &Eyes<'_>) -> (Spread, String, String) {
    let names: Vec<String> = waits_for.iter().map(|(signer, _)| signer.clone()).collect();
    let mine = waits_for.iter().any(|(_, person)| person == eyes.person);
    let what = format!(
        "It is announced: {} {} not said yet to follow it.",
        and(&names),
        has(names.len())
    );
    let todo = if mine {
        "Follow or pin it with your own signer.".to_owned()
    } else {
        format!("Ask {} to follow or pin it.", and(&names))
    };
    let spread = Spread {
        mine,
        on: names,
        ..Spread::default()
    };
    (spread, what, todo)
}
