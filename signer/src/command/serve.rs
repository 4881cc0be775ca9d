//! `serve`: the automatic co-signer.

use super::Context;
use super::sign::expect_signer;
use super::token::read_token;
use crate::countersign::Countersigner;
use crate::failure::{Class, Failure};
use crate::keystore::DeviceKind;
use crate::online::cosigner::PassError;
use crate::online::{Cosigner, Event, HttpCoordinator, Stop, Url};
use crate::terminal::Terminal;
use std::path::PathBuf;
use std::time::Duration;

/// Sign automatically what a coordinator issues and the policy allows
///
/// Reports each attempt on standard error. What was refused is not looked at again; while the
/// coordinator is away it is waited for. SIGTERM ends it between two signatures.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home machine --passphrase-file phrase serve \\\n\
\x20   --url http://127.0.0.1:7540 --token-file token")]
pub(super) struct Serve {
    /// The coordinator's address
    #[arg(long)]
    url: Url,
    /// The file with the token that the coordinator gave to this signer
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Take statements from the files of this folder as well, in every round
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// Milliseconds between two rounds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    poll_ms: u64,
    /// One round only
    #[arg(long)]
    once: bool,
}

impl Serve {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let token = read_token(&self.token_file)?;
        expect_signer(&home)?;
        if let Some(key) = home.device_key()? {
            return Err(no_key_to_serve_with(key.kind()));
        }
        let clock = context.clock()?;
        let passphrase = context.passphrase()?;
        let signer = Countersigner::open(&home, &passphrase)?;
        drop(passphrase);
        let stop = Stop::on_signals().map_err(|error| {
            Failure::because(Class::Device, "SIGNALS", error.to_string())
                .hinted("end other programs, then start it again")
        })?;
        let coordinator = HttpCoordinator::new(&self.url, &token);
        let mut cosigner = Cosigner::new(signer, coordinator, stop);
        if let Some(inbox) = self.inbox.clone() {
            cosigner = cosigner.with_inbox(inbox);
        }
        let terminal = &mut context.terminal;
        terminal.talk(&format!(
            "Co-signing as {} for {}",
            cosigner.signer().name(),
            cosigner.signer().policy().name
        ));
        if self.once {
            let pass = cosigner.pass(|| clock.now(), |event| say(terminal, event));
            let pass = pass.map_err(|error| match error {
                PassError::Coordinator(error) => Failure::from(error),
                PassError::Signer(error) => Failure::from(error),
            })?;
            let text = format!("Signed {}, refused {}", pass.signed, pass.refused);
            let value = serde_json::json!({ "signed": pass.signed, "refused": pass.refused });
            return terminal.answer(&text, &value);
        }
        let poll = Duration::from_millis(self.poll_ms);
        cosigner.run(poll, || clock.now(), |event| say(terminal, event))?;
        terminal.talk("Ended as asked");
        Ok(())
    }
}

/// Nothing signs by itself where a person carries each transfer to a device.
fn no_key_to_serve_with(device: &DeviceKind) -> Failure {
    let message = format!(
        "the automatic co-signer needs a key of its own: this home's lies in a device ({device})"
    );
    Failure::because(Class::Usage, "KEY_ELSEWHERE", message).hinted(
        "sign with `sign FILE --hand-to DIR` and `sign --answer FILE`, or serve a home made by keygen",
    )
}

fn say(terminal: &mut Terminal, event: &Event) {
    let line = if terminal.is_json() {
        serde_json::to_string(event).expect("an event is plain JSON")
    } else {
        event.to_string()
    };
    terminal.talk(&line);
}
