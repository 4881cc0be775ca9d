//! `chain`: have blocks read again, and follow how far that is.

mod moving;
mod watched;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{count, moment, number, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::{Output, say};
use super::progress::Progress;

/// How long a scan may show no progress, before it is believed that no watchtower works on it.
const WAIT: Duration = Duration::from_mins(1);
/// How long it lets the watchtower be between two questions.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Subcommand)]
pub(super) enum Chain {
    /// Have the watchtower read blocks again, for addresses that were watched only later.
    #[command(after_help = "Example:\n  countersign-coordinator chain scan --from 840000 --wait")]
    Scan {
        /// The height of the first block to be read.
        #[arg(long, value_name = "HEIGHT")]
        from: u32,
        /// The height of the last one [default: the tip]. Where coins are found, blocks are read up to the tip
        /// in any case: one of them may spend what was found.
        #[arg(long, value_name = "HEIGHT")]
        to: Option<u32>,
        /// Wait for its end, and show how far it is.
        #[arg(long)]
        wait: bool,
    },
    /// Watch addresses of the vault that were given out elsewhere.
    ///
    /// The file has an address or a script in hex on each line, or it is a JSON list of objects with
    /// script and index. All must be of a keyset of the vault.
    #[command(
        after_help = "Example:\n  countersign-coordinator chain watch-addresses old.txt --from 700000"
    )]
    WatchAddresses {
        /// The list; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The height from which blocks are read again for them.
        #[arg(long, value_name = "HEIGHT")]
        from: Option<u32>,
        /// The highest index up to which to look for them [default: 1000 beyond the last address].
        #[arg(long, value_name = "INDEX")]
        upto: Option<u32>,
        /// What blocks up to now did with them is opening balance, and not deposits and payments.
        #[arg(long)]
        opening: bool,
        /// Wait until the blocks are read, and show how far that is.
        #[arg(long, requires = "from")]
        wait: bool,
    },
    /// Move the wallet of the vault's descriptor in: its history becomes opening balance.
    ///
    /// Its addresses are watched, blocks are read again for them, and what its labels (BIP 329) say is said of its
    /// coins. Nothing of it is spent before books and node agree. Without --from it shows how far that is.
    #[command(
        after_help = "Example:\n  countersign-coordinator chain move-in --from 700000 --wait"
    )]
    MoveIn {
        /// The height of the first block that may have something of the wallet.
        #[arg(long, value_name = "HEIGHT")]
        from: Option<u32>,
        /// The highest index that it may have given out [default: 1000, and on beyond what was paid].
        #[arg(long, value_name = "INDEX", requires = "from")]
        upto: Option<u32>,
        /// Its labels, one JSON object a line (BIP 329); `-` for standard input.
        #[arg(long, value_name = "FILE", requires = "from")]
        labels: Option<PathBuf>,
        /// Wait until it has moved in, and show how far that is.
        #[arg(long)]
        wait: bool,
    },
    /// List what was asked to be read again, the newest first.
    #[command(after_help = "Example:\n  countersign-coordinator chain scans")]
    Scans,
}

pub(super) fn run(verb: &Chain, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Chain::Scan { from, to, wait } => {
            let asked = api.post("/scans", Body::Json(json!({ "from": from, "to": to })))?;
            let scan = if *wait { follow(api, asked)? } else { asked };
            out.told(&scan, || told(&scan))
        }
        Chain::WatchAddresses {
            file,
            from,
            upto,
            opening,
            wait,
        } => {
            let bytes = super::api::read(file)?;
            let entries = watched::entries(&bytes)?;
            let body = json!({ "upto": upto, "opening": opening });
            let answer = watched::hand_in(api, &entries, &body)?;
            let Some(from) = from else {
                return out.told(&answer, || watched::told(&answer));
            };
            say(&watched::told(&answer));
            let asked = api.post("/scans", Body::Json(json!({ "from": from, "to": null })))?;
            let scan = if *wait { follow(api, asked)? } else { asked };
            let both = json!({ "watched": answer, "scan": scan });
            out.told(&both, || told(&both["scan"]))
        }
        Chain::MoveIn {
            from,
            upto,
            labels,
            wait,
        } => moving::run(api, out, (*from, *upto, labels.as_deref()), *wait),
        Chain::Scans => {
            let mut scans = api.get("/scans")?;
            for scan in scans.as_array_mut().into_iter().flatten() {
                scan["state"] = state(scan).into();
            }
            out.table(
                &scans,
                &[
                    "id",
                    "from",
                    "to",
                    "state",
                    "found",
                    "requested_by",
                    "requested_at",
                ],
                "No blocks were asked to be read again.",
            )
        }
    }
}

/// Shows how far a scan is until it ends.
fn follow(api: &Api, asked: Value) -> Result<Value, CliError> {
    let id = number(&asked, "id");
    let mut progress = Progress::of("scanning");
    let mut scan = asked;
    let mut last = (counted(&scan), Instant::now());
    loop {
        let (done, of, headers) = counted(&scan);
        let place = if headers > 0 {
            format!("{headers} headers first")
        } else {
            format!(
                "{done} of {}",
                count(usize::try_from(of).unwrap_or(usize::MAX), "block")
            )
        };
        progress.show(done, of, &place);
        if !text(&scan, "failure").is_empty() {
            return Err(CliError::Refused {
                code: "scan_failed".to_owned(),
                detail: text(&scan, "failure").to_owned(),
                problem: Some(scan),
                hint: Some("see to the node, then ask for the scan again".to_owned()),
            });
        }
        if !moment(&scan, "ended_at").is_empty() {
            return Ok(scan);
        }
        if last.0 != counted(&scan) {
            last = (counted(&scan), Instant::now());
        }
        if last.1.elapsed() > WAIT {
            return Err(CliError::Waited {
                detail: format!("scan {id} has not moved for {} s", WAIT.as_secs()),
                hint: "`status` says whether a watchtower is running, and how its node is; the scan stays, and \
                       `chain scans` shows how far it is",
            });
        }
        pause();
        scan = api.get(&format!("/scans/{id}"))?;
    }
}

/// Blocks that were read, of how many, and headers that come first.
fn counted(scan: &Value) -> (u64, u64, u64) {
    let progress = &scan["progress"];
    let field = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
    (
        field(progress, "done"),
        field(progress, "of"),
        field(scan, "headers_first"),
    )
}

fn told(scan: &Value) -> String {
    let head = match (state(scan).as_str(), number(scan, "found").as_str()) {
        ("done", "0") => "The blocks were read again: nothing was found.".to_owned(),
        ("done", "1") => "The blocks were read again: 1 coin was found.".to_owned(),
        ("done", found) => format!("The blocks were read again: {found} coins were found."),
        _ => {
            say(
                "The watchtower reads them while it follows the chain; `chain scans` shows how far it is.",
            );
            "The blocks will be read again.".to_owned()
        }
    };
    let lines = Lines::default()
        .with("scan", number(scan, "id"))
        .with("from", number(scan, "from"))
        .with("to", number(scan, "to"))
        .with("state", state(scan))
        .with("asked at", moment(scan, "requested_at"))
        .with("ended at", moment(scan, "ended_at"));
    format!("{}\n{}", paragraph(&head, 0), lines.text())
}

/// How it stands, in a word or two.
fn state(scan: &Value) -> String {
    let (done, of, _) = counted(scan);
    if !text(scan, "failure").is_empty() {
        "failed".to_owned()
    } else if !moment(scan, "ended_at").is_empty() {
        "done".to_owned()
    } else {
        format!("{done}/{of}")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this loop polls until the watchtower has read the blocks"
)]
fn pause() {
    thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_says_how_far_it_is_and_how_it_ended() {
        let mut scan = json!({ "id": 3, "from": 10, "to": 19, "progress": { "done": 4, "of": 10 }, "found": 0,
            "headers_first": 0, "requested_at": 1_000, "ended_at": null, "failure": null });
        assert_eq!(state(&scan), "4/10");
        scan["ended_at"] = json!(1_010);
        scan["found"] = json!(2);
        assert_eq!(state(&scan), "done");
        assert!(told(&scan).starts_with("The blocks were read again: 2 coins were found.\n"));
        scan["failure"] = json!("the node has no block 12 any more");
        assert_eq!(state(&scan), "failed");
    }
}
