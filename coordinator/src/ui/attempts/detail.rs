//! The page of an attempt.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;

use super::files::file_name;
use super::money::{Fact, fee, size, warnings};
use super::signatures::{Grid, grid};
use super::{counted, purpose, short};
use crate::service::Right;
use crate::service::attempt_page::{
    AttemptPage, InputFacts, OtherAttempt, OutputKind, attempt_page,
};
use crate::ui::Ui;
use crate::ui::drawing::flow::{Band, Flow, Kind};
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::posted::Named;
use crate::ui::sets::needs;
use crate::ui::show::{Address, Moment, Money, Outside, State as Chip, TxidText, Unit};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "attempts/detail.html")]
pub(super) struct DetailPage {
    frame: Frame,
    title: String,
    txid: TxidText,
    id: String,
    vault_href: String,
    vault_name: String,
    batch_href: String,
    batch_short: String,
    number: u32,
    state: Chip,
    built: Moment,
    waits: Option<String>,
    says: Vec<(&'static str, String)>,
    links: Vec<(String, String, String)>,
    flow: Flow,
    fees: Vec<Fact>,
    sizes: Vec<Fact>,
    chain: Vec<(&'static str, String)>,
    inputs: Vec<InputRow>,
    outputs: Vec<OutputRow>,
    grid: Option<Grid>,
    refused: Vec<String>,
    receipts: Vec<ReceiptRow>,
    maintenance: Vec<(Outside, Moment)>,
    others: Vec<OtherRow>,
    manifest: Vec<(&'static str, String)>,
    policy: TxidText,
    policy_version: u32,
    ancestors: Vec<TxidText>,
    raw: Option<String>,
    file: String,
    upload: String,
    command: String,
    has_psbt: bool,
    may_sign: bool,
    may_replace: bool,
    may_cancel: bool,
}

struct InputRow {
    number: usize,
    outpoint: TxidText,
    amount: Money,
    from: String,
    reference: Option<Outside>,
    confirmations: String,
    enough: &'static str,
}

struct OutputRow {
    number: u32,
    amount: Money,
    address: Address,
    kind: &'static str,
    chip: &'static str,
    withdrawal: Option<(String, String)>,
    reference: Option<Outside>,
    proof: Option<String>,
}

struct ReceiptRow {
    signer: String,
    journal: TxidText,
    counter: u64,
    at: Moment,
    manifest: &'static str,
}

struct OtherRow {
    href: String,
    short: String,
    purpose: String,
    state: Chip,
    built: Moment,
    fee: Money,
    feerate: String,
    order: &'static str,
}

pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let found = attempt_page(&ui.service, &visitor.actor, named.txid()?).await?;
    page(&DetailPage::of(&visitor, &found))
}

impl DetailPage {
    pub(super) fn of(visitor: &Visitor, found: &AttemptPage) -> Self {
        let attempt = &found.attempt;
        let unit = visitor.unit;
        let vault = attempt.vault;
        let is_live = matches!(
            attempt.state.as_str(),
            "issued" | "signed" | "broadcasting" | "in_mempool"
        );
        let may_batch = visitor.may(Right::Batch);
        let title = title(found);
        let (manifest, ancestors) = manifest(found);
        Self {
            frame: visitor.frame(&title, Place::Vault(vault, Tab::Attempts)),
            txid: TxidText::new(attempt.txid),
            id: attempt.txid.to_string(),
            vault_href: format!("/vaults/{vault}/attempts"),
            vault_name: found.vault_name.clone(),
            batch_href: format!("/batches/{}", attempt.batch),
            batch_short: short(&attempt.batch),
            number: attempt.number,
            state: Chip::new(&attempt.state),
            built: Moment::new(attempt.created_at),
            waits: waits(found),
            says: says(found),
            links: links(found),
            flow: flow(found, &title, unit),
            fees: fee(&found.fee, unit),
            sizes: found.size.as_ref().map(size).unwrap_or_default(),
            chain: chain(found),
            inputs: inputs(&found.inputs, unit),
            outputs: outputs(found, unit),
            grid: grid(found),
            refused: attempt
                .refused
                .iter()
                .map(|bad| {
                    let whose = bad.refused.signer.as_deref().unwrap_or("nobody we know");
                    format!(
                        "Input {}: a signature in the place of {whose}, handed in by {} at {}, does not count: {}.",
                        bad.refused.input,
                        bad.handed_in_by,
                        Moment::new(bad.at).text(),
                        bad.refused.reason
                    )
                })
                .collect(),
            receipts: receipts(found),
            maintenance: attempt
                .maintenance
                .iter()
                .map(|one| (Outside::new(&one.approver), Moment::new(one.expires)))
                .collect(),
            others: found.others.iter().map(|other| other_row(other, unit)).collect(),
            policy: TxidText::of(&attempt.policy.to_string()),
            policy_version: found.policy_version,
            manifest,
            ancestors,
            raw: found.raw.clone(),
            upload: format!("/attempts/{}/files", attempt.txid),
            command: format!("countersign-signer review {}.psbt", file_name(attempt.txid)),
            file: file_name(attempt.txid),
            has_psbt: attempt.psbt,
            may_sign: visitor.may(Right::Sign) && attempt.psbt && (is_live || attempt.state == "confirmed"),
            may_replace: may_batch
                && is_live
                && matches!(attempt.purpose.as_str(), "pay" | "bump" | "cancel"),
            may_cancel: may_batch && is_live,
            title,
        }
    }
}

fn title(found: &AttemptPage) -> String {
    let attempt = &found.attempt;
    match attempt.purpose.as_str() {
        "pay" => format!("Pays {}", counted(attempt.payments.len(), "withdrawal")),
        "bump" => format!(
            "Pays {} at a higher fee",
            counted(attempt.payments.len(), "withdrawal")
        ),
        "cancel" => "Cancels a batch on the chain".to_owned(),
        "consolidate" => format!("Joins {}", counted(attempt.inputs.len(), "coin")),
        "refresh" => format!("Renews {}", counted(attempt.inputs.len(), "coin")),
        "drain" => format!("Brings {} home", counted(attempt.inputs.len(), "coin")),
        "recover" => format!("Recovers {}", counted(attempt.inputs.len(), "coin")),
        other => purpose(other).to_owned(),
    }
}

/// Whom it waits for, and what would be enough.
fn waits(found: &AttemptPage) -> Option<String> {
    let signing = found.signing.as_ref()?;
    if found.attempt.state != "issued" || signing.awaited.is_empty() {
        return None;
    }
    let ready = found.inputs.iter().filter(|input| input.quorum).count();
    let signed = match signing
        .signers
        .iter()
        .filter(|one| one.last_at.is_some())
        .count()
    {
        0 => "Nobody has signed yet.".to_owned(),
        count => format!("{} signed.", counted(count, "signer")),
    };
    Some(format!(
        "Waits for signatures: {} needed, {ready} of {} ready. {signed} Still able to sign: {}.",
        needs(&signing.sets),
        counted(found.inputs.len(), "input"),
        signing.awaited.join(", ")
    ))
}

/// What everybody should know first: the class of the notice, and its words.
fn says(found: &AttemptPage) -> Vec<(&'static str, String)> {
    let mut says = Vec::new();
    let is_unknown = |kind: &OutputKind| *kind == OutputKind::Unknown;
    let unknown = found
        .outputs
        .iter()
        .filter(|output| is_unknown(&output.kind));
    for output in unknown {
        says.push((
            "notice-bad",
            format!(
                "Output {} is neither a payment that somebody asked for nor change that can be derived again. Do not sign this.",
                output.output
            ),
        ));
    }
    if let Some(reason) = found
        .attempt
        .mempool_test
        .as_ref()
        .filter(|said| !said.is_empty())
    {
        says.push((
            "notice-bad",
            format!("The node would not take it into its mempool: {reason}."),
        ));
    }
    if found.attempt.state == "issued" && found.voids.wished {
        let voided = if found.voids.voided_by.is_empty() {
            "nobody did yet".to_owned()
        } else {
            format!("{} did", found.voids.voided_by.join(", "))
        };
        says.push((
            "notice-warn",
            format!("Signers are asked to void it: {voided}. Do not sign it any more."),
        ));
    }
    for words in warnings(found) {
        says.push(("notice-warn", words));
    }
    says
}

/// Other transactions that decide about this one: words, link, name.
fn links(found: &AttemptPage) -> Vec<(String, String, String)> {
    let attempt = &found.attempt;
    let to = |words: &str, txid: &bitcoin::Txid| {
        (words.to_owned(), format!("/attempts/{txid}"), short(txid))
    };
    let mut links = Vec::new();
    if let Some(txid) = &attempt.dead_by {
        links.push(to("It can never confirm: in its place settled", txid));
    }
    if let Some(txid) = &attempt.cancelled_by {
        links.push(to(
            "It is being cancelled, and nobody is asked to sign it, by",
            txid,
        ));
    }
    let is_open = matches!(
        attempt.state.as_str(),
        "issued" | "signed" | "broadcasting" | "in_mempool"
    );
    let later = found
        .others
        .iter()
        .rev()
        .find(|other| other.is_later && !matches!(other.state, "dead" | "dropped"));
    if let Some(later) = later.filter(|_| is_open && attempt.cancelled_by.is_none()) {
        links.push(to("A later attempt is to take its place:", &later.txid));
    }
    links
}

fn flow(found: &AttemptPage, title: &str, unit: Unit) -> Flow {
    let inputs = found.inputs.iter().map(|input| Band {
        kind: Kind::Coin,
        sat: input.amount_sat,
        words: match &input.coin {
            Some(coin) => format!("{} {}", coin.from, short_outpoint(&input.outpoint)),
            None => short_outpoint(&input.outpoint),
        },
    });
    let outputs = found.outputs.iter().map(|output| {
        let kind = match &output.kind {
            OutputKind::Payment { .. } => Kind::Payment,
            OutputKind::Change { .. } => Kind::Change,
            OutputKind::Recovery => Kind::Recovery,
            OutputKind::Unknown => Kind::Unknown,
        };
        let address = output.address.as_deref().unwrap_or(&output.script);
        let words = match &output.kind {
            OutputKind::Payment { id, .. } => format!("{id} to {}", short_address(address)),
            OutputKind::Change { index, .. } => {
                format!("internal {index}, {}", short_address(address))
            }
            OutputKind::Recovery | OutputKind::Unknown => short_address(address),
        };
        Band {
            kind,
            sat: output.amount_sat,
            words,
        }
    });
    let outputs: Vec<Band> = if found.outputs.is_empty() {
        let paid = found.attempt.payments.iter().map(|payment| Band {
            kind: Kind::Payment,
            sat: payment.amount_sat,
            words: payment.id.to_string(),
        });
        paid.collect()
    } else {
        outputs.collect()
    };
    Flow {
        title: format!("Where the money goes: {title}"),
        inputs: inputs.collect(),
        outputs,
        fee_sat: found.fee.fee_sat,
        unit,
    }
}

fn short_address(address: &str) -> String {
    match address
        .get(..8)
        .zip(address.get(address.len().saturating_sub(6)..))
    {
        Some((first, last)) if address.len() > 16 => format!("{first}…{last}"),
        Some(_) | None => address.to_owned(),
    }
}

fn short_outpoint(outpoint: &str) -> String {
    match outpoint.split_once(':') {
        Some((txid, output)) => {
            format!("{}…:{output}", txid.get(..8).unwrap_or(txid))
        }
        None => outpoint.to_owned(),
    }
}

fn inputs(inputs: &[InputFacts], unit: Unit) -> Vec<InputRow> {
    let rows = inputs.iter().enumerate().map(|(number, input)| InputRow {
        number,
        outpoint: TxidText::of(&input.outpoint),
        amount: Money::new(Amount::from_sat(input.amount_sat), unit),
        from: input.coin.as_ref().map_or_else(
            || "not known here".to_owned(),
            |coin| format!("{}, {} {}", coin.from, coin.keychain, coin.index),
        ),
        reference: input
            .coin
            .as_ref()
            .and_then(|coin| coin.reference.as_deref().map(Outside::new)),
        confirmations: input.coin.as_ref().map_or_else(String::new, |coin| {
            let count = usize::try_from(coin.confirmations).unwrap_or(usize::MAX);
            counted(count, "confirmation")
        }),
        enough: if input.quorum {
            "enough"
        } else {
            "not enough yet"
        },
    });
    rows.collect()
}

fn outputs(found: &AttemptPage, unit: Unit) -> Vec<OutputRow> {
    let vault = found.attempt.vault;
    let rows = found.outputs.iter().map(|output| {
        let (kind, chip, withdrawal, reference, proof) = match &output.kind {
            OutputKind::Payment {
                requester,
                id,
                reference,
                ..
            } => (
                "payment",
                "chip chip-busy",
                Some((
                    format!("/vaults/{vault}/withdrawals/{requester}/{id}"),
                    format!("{requester}/{id}"),
                )),
                Some(Outside::new(reference)),
                None,
            ),
            OutputKind::Change { index, version } => (
                "change",
                "chip chip-good",
                None,
                None,
                Some(format!(
                    "Change proven: derived again as internal {index} of the pinned descriptor (version {version})."
                )),
            ),
            OutputKind::Recovery => (
                "recovery",
                "chip chip-warn",
                None,
                None,
                Some("The address that the policy pins for recoveries.".to_owned()),
            ),
            OutputKind::Unknown => (
                "unknown",
                "chip chip-bad",
                None,
                None,
                Some("Nothing shows whose it is.".to_owned()),
            ),
        };
        OutputRow {
            number: output.output,
            amount: Money::new(Amount::from_sat(output.amount_sat), unit),
            address: Address::new(output.address.as_deref().unwrap_or(&output.script)),
            kind,
            chip,
            withdrawal,
            reference,
            proof,
        }
    });
    rows.collect()
}

fn chain(found: &AttemptPage) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let seen = &found.seen;
    facts.push((
        "Seen",
        match (seen.place, seen.height) {
            ("block", Some(height)) => format!(
                "in block {height}, {} of {} confirmations",
                seen.confirmations, seen.settles_at
            ),
            ("mempool", _) => "in the mempool, not in a block yet".to_owned(),
            _ => "nowhere yet".to_owned(),
        },
    ));
    if let Some(broadcast) = &found.broadcast {
        facts.push(("Handed over", Moment::new(broadcast.handed_at).text()));
        if let Some((answer, words, at)) = &broadcast.answer {
            let words = if words.is_empty() {
                String::new()
            } else {
                format!(" ({words})")
            };
            let tries = usize::try_from(broadcast.tries).unwrap_or(usize::MAX);
            facts.push((
                "The node said",
                format!(
                    "{answer}{words}, {}, sent {}",
                    Moment::new(*at).text(),
                    counted(tries, "time")
                ),
            ));
        }
    }
    if found
        .attempt
        .mempool_test
        .as_ref()
        .is_some_and(String::is_empty)
    {
        facts.push(("Mempool test", "the node would take it".to_owned()));
    }
    facts
}

fn receipts(found: &AttemptPage) -> Vec<ReceiptRow> {
    let receipts = found.signing.iter().flat_map(|signing| &signing.receipts);
    let rows = receipts.map(|receipt| ReceiptRow {
        signer: receipt
            .signer
            .clone()
            .unwrap_or_else(|| "of no signer now".to_owned()),
        journal: TxidText::of(&receipt.journal),
        counter: receipt.counter,
        at: Moment::new(receipt.at),
        manifest: if receipt.same_manifest {
            "as it was issued first"
        } else {
            "as it was issued again"
        },
    });
    rows.collect()
}

fn other_row(other: &OtherAttempt, unit: Unit) -> OtherRow {
    OtherRow {
        href: format!("/attempts/{}", other.txid),
        short: short(&other.txid),
        purpose: purpose(other.purpose).to_owned(),
        state: Chip::new(other.state),
        built: Moment::new(other.created_at),
        fee: Money::new(Amount::from_sat(other.fee_sat), unit),
        feerate: other.feerate_sat_vb.clone(),
        order: if other.is_later { "later" } else { "earlier" },
    }
}

fn manifest(found: &AttemptPage) -> (Vec<(&'static str, String)>, Vec<TxidText>) {
    let Some(manifest) = &found.manifest else {
        return (Vec::new(), Vec::new());
    };
    let shown = manifest
        .inclusions
        .iter()
        .map(|(txid, headers)| format!("{} under {}", short(txid), counted(*headers, "header")));
    let shown: Vec<String> = shown.collect();
    let facts = vec![
        ("Says it is for", purpose(manifest.purpose).to_owned()),
        ("Attempt number", manifest.attempt.to_string()),
        ("Intents", manifest.intents.to_string()),
        ("Approvals", manifest.approvals.to_string()),
        ("Earlier attempts shown", manifest.earlier.len().to_string()),
        (
            "Inclusion proof",
            if shown.is_empty() {
                "none; the policy does not ask for one, or it replaces what showed one".to_owned()
            } else {
                shown.join("; ")
            },
        ),
        ("Receipts carried", manifest.receipts.to_string()),
        ("Ancestors carried", manifest.ancestors.len().to_string()),
    ];
    let ancestors = manifest.ancestors.iter().map(|txid| TxidText::new(*txid));
    (facts, ancestors.collect())
}
