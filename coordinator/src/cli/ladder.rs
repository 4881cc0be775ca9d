//! What is shown of a ladder, and its PSBTs in a folder.

use std::fs;
use std::path::Path;

use policies::psbt::read_intake;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{count, list, moment, number, text};
use super::api::{self, Api, Body, segment};
use super::attempt::taken;
use super::layout::paragraph;
use super::output::{Output, table};
use super::txid;

/// A ladder in 80 columns: a line for each rung, and what comes next.
pub(super) fn told(ladder: &Value) -> String {
    let rungs = list(ladder, "rungs");
    let is_preview = ladder.get("preview") == Some(&Value::Bool(true));
    let rows: Vec<Value> = rungs.iter().map(row).collect();
    let columns = ["rung", "sat/vB", "fee_sat", "state", "released"];
    let mut said = format!(
        "Ladder of {}\n{}",
        text(ladder, "ladder"),
        table(&rows, &columns)
    );
    let ids: Vec<String> = rungs
        .iter()
        .map(|rung| format!("  {}  {}\n", number(rung, "place"), text(rung, "txid")))
        .collect();
    said += &format!("\n{}", ids.concat());
    let held = rungs.iter().filter(|rung| is_held(rung)).count();
    let next = match (is_preview, held) {
        (true, _) => "Nothing was made: this is a preview.".to_owned(),
        (false, 0) => "No rung is held any more.".to_owned(),
        (false, held) => format!(
            "{} held: the next is released by `attempt release`, or by itself past the deadline of a \
             fee policy that is set to `automatic`.",
            if held == 1 {
                "1 rung is".to_owned()
            } else {
                format!("{held} rungs are")
            }
        ),
    };
    said + &format!("\n{}", paragraph(&next, 0))
}

fn is_held(rung: &Value) -> bool {
    rung.get("held") == Some(&Value::Bool(true))
}

fn row(rung: &Value) -> Value {
    let state = if is_held(rung) && text(rung, "state") != "planned" {
        format!("{}, held", text(rung, "state"))
    } else {
        text(rung, "state").to_owned()
    };
    json!({
        "rung": number(rung, "place"),
        "sat/vB": text(rung, "feerate_sat_vb"),
        "fee_sat": number(rung, "fee_sat"),
        "state": state,
        "released": moment(rung, "released_at"),
    })
}

/// Writes the PSBT of each rung that waits for signatures into a folder.
pub(super) fn fetch(given: &str, folder: &Path, api: &Api, out: &Output) -> Result<(), CliError> {
    let ladder = api.get(&format!("{}/ladder", txid::path(given, api)?))?;
    let in_folder = |source| CliError::File {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(in_folder)?;
    let mut written = Vec::new();
    for rung in list(&ladder, "rungs") {
        if text(rung, "state") != "issued" {
            continue;
        }
        let id = text(rung, "txid");
        let psbt = api.get_bytes(&format!("/attempts/{}/psbt?version=0", segment(id)))?;
        let file = folder.join(format!("rung-{}.psbt", number(rung, "place")));
        fs::write(&file, &psbt).map_err(|source| CliError::File {
            path: file.clone(),
            source,
        })?;
        written.push(file.display().to_string());
    }
    let answer = json!({ "ladder": text(&ladder, "ladder"), "written": written });
    out.told(&answer, || {
        let next = format!(
            "{} written to {}. Sign them in one sitting with `countersign-signer sign --ladder`.",
            count(written.len(), "rung"),
            folder.display()
        );
        paragraph(&next, 0)
    })
}

/// Hands in what a signer wrote into a folder, each file to its own attempt, in the order in which they were signed.
pub(super) fn hand_in(given: &str, folder: &Path, api: &Api, out: &Output) -> Result<(), CliError> {
    txid::path(given, api)?;
    let in_folder = |source| CliError::File {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(in_folder)? {
        let path = entry.map_err(in_folder)?.path();
        if path.is_file() {
            let bytes = api::read(&path)?;
            let read = read_intake(&bytes).map_err(|refusal| CliError::Refused {
                code: refusal.code().to_owned(),
                detail: format!("{}: {refusal}", path.display()),
                problem: None,
                hint: Some(
                    "keep only what the signer wrote in this folder; nothing was handed in"
                        .to_owned(),
                ),
            })?;
            files.push((read.last_entry(), path, read.txid, bytes));
        }
    }
    if files.is_empty() {
        return Err(CliError::Usage {
            message: format!("there is no file in {}", folder.display()),
        });
    }
    files.sort();
    let (mut answers, mut said) = (Vec::new(), String::new());
    for (_, path, id, bytes) in files {
        let to = format!("/attempts/{}/signatures", segment(&id.to_string()));
        let mut answer = api.post(&to, Body::Bytes(bytes))?;
        said += &format!("{}\n{}\n", path.display(), taken(&answer));
        answer["file"] = json!(path);
        answers.push(answer);
    }
    out.told(&json!(answers), || said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_rungs_are_shown_as_held_within_eighty_columns() {
        let id = "ab".repeat(32);
        let rung = |place: u32, state: &str, held: bool| {
            json!({
                "place": place, "txid": id, "state": state, "feerate_sat_vb": "12.5", "fee_sat": 2_000, "held": held,
                "released_at": if held { Value::Null } else { json!(1_795_660_800) },
            })
        };
        let ladder = json!({
            "ladder": id, "preview": false,
            "rungs": [rung(1, "in_mempool", false), rung(2, "signed", true), rung(3, "issued", true)],
        });
        let said = told(&ladder);
        for part in [
            "signed, held",
            "issued, held",
            "2 rungs are held",
            "in_mempool",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
        let mut preview = ladder;
        preview["preview"] = json!(true);
        assert!(told(&preview).contains("Nothing was made"));
    }
}
