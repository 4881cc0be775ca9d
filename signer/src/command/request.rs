//! `request`: builds and signs a withdrawal's intent.

use super::Context;
use super::approve::duration;
use crate::failure::Failure;
use crate::home::KeyName;
use crate::keystore::Kind;
use crate::pin::Pinned;
use crate::requesting::{Wish, request};
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount};
use policies::{IntentKind, WithdrawalId};

/// Build and sign a withdrawal request
#[derive(Debug, clap::Args)]
#[command(override_usage = "\
countersign-signer request [OPTIONS] --to <ADDRESS>\n       --amount-sat <SAT> --id <ID>")]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home exchange request --id w1 --amount-sat 250000 \\\n\
\x20   --to bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")]
pub(super) struct Request {
    /// The address to pay
    #[arg(long, value_name = "ADDRESS")]
    to: Address<NetworkUnchecked>,
    /// The amount in satoshi; for a sweep the most that may be paid
    #[arg(long, value_name = "SAT")]
    amount_sat: u64,
    /// The withdrawal's id, unique for the requester
    #[arg(long)]
    id: WithdrawalId,
    /// payment, transfer (to a pinned vault) or sweep
    #[arg(long, default_value = "payment")]
    kind: IntentKind,
    /// For a sweep, and required there: the least that may be paid
    #[arg(long, value_name = "SAT")]
    min_sat: Option<u64>,
    /// How long it may be paid
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    expires_in: u64,
    /// The first id of the line of withdrawals that it replaces
    #[arg(long, value_name = "ID")]
    replaces: Option<WithdrawalId>,
    /// The withdrawal that it pays again, knowing that both may be paid
    #[arg(long, value_name = "ID")]
    repeats: Option<WithdrawalId>,
    /// Your own words, at most 200 characters
    #[arg(long, default_value = "")]
    reference: String,
    /// Which request key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
}

impl Request {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let pinned = Pinned::load(&home)?;
        let key = context.person_key(Kind::Request, self.key.as_ref())?;
        let wish = Wish {
            id: self.id,
            kind: self.kind,
            address: self.to,
            amount: Amount::from_sat(self.amount_sat),
            min: self.min_sat.map(Amount::from_sat),
            valid_for: self.expires_in,
            replaces: self.replaces,
            repeats: self.repeats,
            reference: self.reference,
        };
        let (_, signed) = request(pinned.policy(), key.secret(), wish, context.now()?)?;
        let text = serde_json::to_string_pretty(&signed).expect("a request is plain JSON");
        context.terminal.answer(&text, &signed)
    }
}
