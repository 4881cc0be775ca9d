//! `bridge`: the loopback bridge that the coordinator's pages open.

use super::Context;
#[cfg(feature = "devices")]
use super::device::WireArgs;
use super::token::read_token;
#[cfg(feature = "devices")]
use crate::bridge::Attached;
use crate::bridge::{Bridge, BridgeEvent, Keys, Origin, Pairing, forget, paired};
use crate::clock::Clock;
use crate::failure::{Class, Explained as _, Failure};
use crate::home::KeyName;
use crate::online::{HttpCoordinator, Stop, Url};
use crate::passkey::{DEFAULT_PORT, passkeys, port_of_page, usable};
use crate::pin::Pinned;
use crate::terminal::Terminal;
use std::path::PathBuf;
use std::time::Instant;

/// Let a coordinator's pages open what you are to sign, and sign it on this computer's own page
///
/// The pages pass hashes, or a draft. This tool fetches the bytes, checks them under the pinned policy, shows them, signs
/// once you confirm, and hands in what was signed. A page is paired first, by a code that this shows.
///
/// A signer's home countersigns transfers so: with the key that is here, or on the device that is plugged in.
#[derive(Debug, clap::Args)]
#[command(override_usage = "\
countersign-signer bridge [OPTIONS] --coordinator <URL>\n         --token-file <FILE>\n       \
countersign-signer bridge --list\n       \
countersign-signer bridge --forget <ORIGIN>")]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home dana bridge --coordinator http://127.0.0.1:7540 \\\n\
\x20   --token-file token --pair\n\
\x20 countersign-signer --home alice bridge --coordinator http://127.0.0.1:7540 \\\n\
\x20   --token-file token --deadline 300\n\
\x20 countersign-signer --home dana bridge --list\n\
\x20 countersign-signer --home dana bridge --forget https://treasury.example")]
pub(super) struct BridgeVerb {
    /// The coordinator's address
    #[arg(long, value_name = "URL", required_unless_present_any = ["list", "forget"])]
    coordinator: Option<Url>,
    /// The file with the token that the coordinator gave to you
    #[arg(long, value_name = "FILE", required_unless_present_any = ["list", "forget"])]
    token_file: Option<PathBuf>,
    /// The port of the page [default: where your passkeys answer, else 7543]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Which key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
    /// Show a code to pair another page; the first time it is shown anyway
    #[arg(long)]
    pair: bool,
    /// List the origins that are paired
    #[arg(long, conflicts_with_all = ["coordinator", "token_file", "port", "key", "pair", "forget"])]
    list: bool,
    /// Forget an origin: its pages open nothing more
    #[arg(long, value_name = "ORIGIN", conflicts_with_all = ["coordinator", "token_file", "port", "key", "pair"])]
    forget: Option<Origin>,
    #[cfg(feature = "devices")]
    #[command(flatten)]
    wire: WireArgs,
}

impl BridgeVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        if let Some(origin) = &self.forget {
            forget(&home, origin)?;
            let said = format!("Forgotten: {origin}");
            return context
                .terminal
                .answer(&said, &serde_json::json!({ "forgotten": origin }));
        }
        let (Some(url), Some(token)) = (&self.coordinator, &self.token_file) else {
            return list(context);
        };
        let pinned = Pinned::load(&home)?;
        let policy = pinned.policy();
        let token = read_token(token)?;
        let answering = usable(policy, passkeys(&home)?, self.key.as_ref());
        let port = self
            .port
            .or_else(|| port_of_page(&answering))
            .unwrap_or(DEFAULT_PORT);
        let coordinator = HttpCoordinator::new(url, &token);
        try_first(context, &coordinator)?;
        let keys = Keys::open(&home, policy, self.key.as_ref(), || context.passphrase())?;
        // What an older tool paired is bound to no browser, and has to be paired again.
        let wants_code = self.pair || paired(&home)?.iter().all(|one| one.browser.is_none());
        let pairing = wants_code
            .then(|| Pairing::begin(Instant::now()))
            .transpose()?;
        let stop = Stop::on_signals().map_err(|error| {
            Failure::because(Class::Device, "SIGNALS", error.to_string())
                .hinted("end other programs, then start it again")
        })?;
        let clock = context.clock()?;
        let by_word = matches!(clock, Clock::Given { .. });
        let now = move || clock.now();
        let bridge =
            Bridge::new(home, keys, coordinator, port, pairing, now).dated_by_word(by_word);
        #[cfg(feature = "devices")]
        let bridge = {
            let wire = self.wire.wire(policy.network);
            bridge.with_devices(Attached::new(wire, self.wire.deadline()))
        };
        let terminal = &mut context.terminal;
        bridge.run(&policy.name, &stop, |event| say(terminal, event))?;
        terminal.talk("Ended as asked");
        Ok(())
    }
}

/// Asks the coordinator once, so that a wrong token or address is told before a page needs it. One that is away is
/// only warned of: it is asked again with each page.
fn try_first(context: &mut Context, coordinator: &HttpCoordinator) -> Result<(), Failure> {
    match coordinator.check() {
        Ok(()) => Ok(()),
        Err(error) if error.may_pass() => {
            let away = BridgeEvent::Away {
                reasons: error.reasons(),
            };
            say(&mut context.terminal, &away);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let all = paired(&context.home()?)?;
    let lines: Vec<String> = all
        .iter()
        .map(|one| {
            let again = match one.browser {
                Some(_) => "",
                None => "  to be paired again",
            };
            format!("{}  since {}{again}", one.origin, one.since)
        })
        .collect();
    let text = if lines.is_empty() {
        "No page is paired: start the bridge, and type its code in the page.".to_owned()
    } else {
        lines.join("\n")
    };
    context
        .terminal
        .answer(&text, &serde_json::json!({ "paired": all }))
}

fn say(terminal: &mut Terminal, event: &BridgeEvent) {
    let line = if terminal.is_json() {
        serde_json::to_string(event).expect("an event is plain JSON")
    } else {
        event.to_string()
    };
    terminal.talk(&line);
}
