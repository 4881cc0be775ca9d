//! `balancing`: marks of vaults, and transfers that keep their balances between them.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{amount, list, moment, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Balancing {
    /// Show where each vault stands, and which transfers are worth asking for.
    #[command(after_help = "Example:\n  countersign-coordinator balancing show")]
    Show,
    /// Set the marks between which a vault's balance should stay.
    #[command(
        override_usage = "countersign-coordinator balancing set [OPTIONS] --low-sat <SAT>\n       --high-sat <SAT>",
        after_help = "Example:\n  countersign-coordinator balancing set --low-sat 1000000 --high-sat 9000000"
    )]
    Set {
        /// Below this the vault is refilled.
        #[arg(long, value_name = "SAT")]
        low_sat: u64,
        /// Above this it is drained.
        #[arg(long, value_name = "SAT")]
        high_sat: u64,
        /// The vault that refills it; its policy must name this one under `[[vaults]]`.
        #[arg(long, value_name = "ID")]
        refill_from: Option<String>,
        /// The vault that it is drained to; this one's policy must name it under `[[vaults]]`.
        #[arg(long, value_name = "ID")]
        drain_to: Option<String>,
    },
    /// Take a vault's marks away.
    #[command(after_help = "Example:\n  countersign-coordinator balancing clear")]
    Clear,
    /// Draft a transfer to a fresh address of another vault, for a requester to sign.
    #[command(
        override_usage = "countersign-coordinator balancing draft [OPTIONS] --to <ID>\n       --amount-sat <SAT> --by <NAME> --id <ID>",
        after_help = "Example:\n  countersign-coordinator balancing draft --to ID --amount-sat 9 --by ex --id t1"
    )]
    Draft {
        /// The vault to pay.
        #[arg(long, value_name = "ID")]
        to: String,
        /// How much.
        #[arg(long, value_name = "SAT")]
        amount_sat: u64,
        /// Who will sign: a requester of the paying vault's policy.
        #[arg(long = "by", value_name = "NAME")]
        requester: String,
        /// The id of the withdrawal.
        #[arg(long)]
        id: String,
    },
}

pub(super) fn run(verb: &Balancing, api: &Api, out: &Output) -> Result<(), CliError> {
    let answer = match verb {
        Balancing::Show => api.get("/balancing")?,
        Balancing::Set {
            low_sat,
            high_sat,
            refill_from,
            drain_to,
        } => {
            let body = json!({
                "low_sat": low_sat,
                "high_sat": high_sat,
                "refill_from": refill_from,
                "drain_to": drain_to,
            });
            api.put(&format!("{}/marks", api.vault_path()?), Body::Json(body))?
        }
        Balancing::Clear => api.delete(&format!("{}/marks", api.vault_path()?))?,
        Balancing::Draft {
            to,
            amount_sat,
            requester,
            id,
        } => {
            let body = json!({
                "to": to, "amount_sat": amount_sat, "requester": requester, "id": id,
            });
            let path = format!("{}/transfers", api.vault_path()?);
            let draft = api.post(&path, Body::Json(body))?;
            return out.told(&draft, || drafted(&draft));
        }
    };
    out.told(&answer, || told(&answer))
}

fn told(answer: &Value) -> String {
    let mut out = String::new();
    for vault in list(answer, "vaults") {
        let level = match text(vault, "level") {
            "below" => "below its low mark",
            "above" => "above its high mark",
            "within" => "between its marks",
            _ => "no marks: `balancing set` sets them",
        };
        let lines = Lines::default()
            .with("stands", level)
            .with("free", amount(vault, "free_sat"))
            .with("coming", amount(vault, "coming_sat"))
            .with("low mark", amount(vault, "low_sat"))
            .with("high mark", amount(vault, "high_sat"))
            .with("refill from", text(vault, "refill_from"))
            .with("drain to", text(vault, "drain_to"));
        out += &format!("Vault {}\n{}", text(vault, "name"), lines.text());
    }
    let proposals = list(answer, "proposals");
    if proposals.is_empty() {
        return out + "No transfer is worth asking for.\n";
    }
    for proposal in proposals {
        let lacking = match amount(proposal, "lacking_sat") {
            none if none.starts_with("0.00000000") => String::new(),
            lacking => format!("; {lacking} more are needed, which it cannot spare"),
        };
        out += &paragraph(
            &format!(
                "{}: {} from {} to {}{lacking}. `balancing draft` drafts it.",
                text(proposal, "reason"),
                amount(proposal, "amount_sat"),
                text(proposal, "from_name"),
                text(proposal, "to_name"),
            ),
            2,
        );
        out.push('\n');
    }
    out
}

fn drafted(draft: &Value) -> String {
    let lines = Lines::default()
        .with("pays", amount(draft, "amount_sat"))
        .with("to vault", text(draft, "to"))
        .with("address", text(draft, "address"))
        .with("until", moment(draft, "expires"));
    let next = "The requester checks that the address is the other vault's, signs with their own tool, and hands \
        the request in with `withdrawal submit`:";
    format!(
        "Drafted a transfer; nothing is asked for yet.\n{}{}\n{}\n",
        lines.text(),
        paragraph(next, 0).trim_end(),
        text(draft, "request").replace(" --amount-sat", " \\\n  --amount-sat"),
    )
}
