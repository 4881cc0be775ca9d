//! The signatures of an attempt as a table: a line for each signer, a column for each input.

use crate::service::attempt_page::{AttemptPage, SignerFacts};
use crate::ui::sets::needs;
use crate::ui::show::Moment;

/// The most inputs that have a column each.
const COLUMNS: usize = 12;

/// The table.
pub(super) struct Grid {
    /// The inputs' numbers; none where there are too many for columns.
    pub(super) columns: Vec<usize>,
    pub(super) rows: Vec<GridRow>,
    /// How many signatures each input needs.
    pub(super) needs: String,
    /// Inputs with enough.
    pub(super) ready: usize,
    pub(super) inputs: usize,
}

/// A signer.
pub(super) struct GridRow {
    pub(super) name: String,
    pub(super) person: String,
    pub(super) device: Option<String>,
    /// Of each column, what stands there.
    pub(super) cells: Vec<Cell>,
    pub(super) sum: String,
    pub(super) last: Option<Moment>,
}

/// What stands in a cell: its word and its class.
pub(super) struct Cell {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

pub(super) fn grid(page: &AttemptPage) -> Option<Grid> {
    let signing = page.signing.as_ref()?;
    let inputs = page.inputs.len();
    let columns = if inputs <= COLUMNS {
        (0..inputs).collect()
    } else {
        Vec::new()
    };
    let enough: Vec<bool> = page.inputs.iter().map(|input| input.quorum).collect();
    let rows = signing.signers.iter().map(|signer| GridRow {
        name: signer.name.clone(),
        person: signer.person.clone(),
        device: signer.device.clone(),
        cells: if columns.is_empty() {
            Vec::new()
        } else {
            cells(signer, &enough)
        },
        sum: sum(signer),
        last: signer.last_at.map(Moment::new),
    });
    Some(Grid {
        rows: rows.collect(),
        needs: needs(&signing.sets),
        ready: enough.iter().filter(|enough| **enough).count(),
        inputs,
        columns,
    })
}

fn cells(signer: &SignerFacts, enough: &[bool]) -> Vec<Cell> {
    let cells = signer.signed.iter().zip(enough);
    cells
        .map(|(signed, enough)| match (signed, signer.expected, enough) {
            (true, _, _) => Cell {
                word: "signed",
                class: "chip chip-good",
            },
            (false, false, _) => Cell {
                word: "no part",
                class: "quiet",
            },
            (false, true, true) => Cell {
                word: "not needed",
                class: "quiet",
            },
            (false, true, false) => Cell {
                word: "missing",
                class: "chip chip-warn",
            },
        })
        .collect()
}

fn sum(signer: &SignerFacts) -> String {
    let signed = signer.signed.iter().filter(|signed| **signed).count();
    match (signed, signer.expected) {
        (0, false) => "has no part in it".to_owned(),
        (signed, _) if signed == signer.signed.len() => "all".to_owned(),
        (signed, _) => format!("{signed} of {}", signer.signed.len()),
    }
}
