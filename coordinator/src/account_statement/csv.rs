//! A statement as CSV (RFC 4180) that no program runs: cells that would be formulas are quoted as text, and no amount
//! is below 0: what an account holds stands on the side, debit or credit, on which it holds it.

use super::period::last_before;
use super::{AccountStatement, Layout, Movement, Prices, money};

/// The columns that every file has.
const COLUMNS: [&str; 15] = [
    "from",
    "until",
    "state",
    "row",
    "number",
    "at",
    "debit",
    "credit",
    "amount_sat",
    "amount_btc",
    "what",
    "reverses",
    "transaction",
    "block",
    "withdrawal",
];

/// Writes CSV.
#[derive(Debug, Default)]
pub struct Csv {
    prices: Prices,
    /// The cells that each line begins with.
    head: Vec<String>,
    /// Amounts for which there is no price.
    missing: u64,
}

impl Csv {
    /// With a column of values for each currency of the prices.
    pub fn new(prices: Prices) -> Self {
        Self {
            prices,
            ..Self::default()
        }
    }

    /// How many cells are empty for want of a price.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The cells of an amount by the prices of a moment.
    fn worth(&mut self, amount_sat: u64, at: policies::UnixTime) -> Vec<String> {
        let mut cells = Vec::new();
        let mut missing = 0_u64;
        for currency in self.prices.currencies() {
            if let Some(worth) = self.prices.worth(currency, amount_sat, at) {
                cells.extend([worth.date, worth.price, worth.value]);
            } else {
                missing = missing.saturating_add(1);
                cells.extend([String::new(), String::new(), String::new()]);
            }
        }
        self.missing = self.missing.saturating_add(missing);
        cells
    }

    /// A line for each account that holds something.
    fn held(
        &mut self,
        row: &str,
        at: policies::UnixTime,
        held: impl Iterator<Item = (String, i64)>,
    ) -> String {
        let mut lines = String::new();
        for (account, net) in held.filter(|(_, net)| *net != 0) {
            let (debit, credit) = if net > 0 {
                (account, String::new())
            } else {
                (String::new(), account)
            };
            let sat = net.unsigned_abs();
            let mut cells = self.head.clone();
            cells.extend([row.to_owned(), String::new(), String::new(), debit, credit]);
            cells.extend([sat.to_string(), money::btc_of(sat)]);
            cells.extend(std::iter::repeat_n(String::new(), 5));
            cells.extend(self.worth(sat, at));
            lines.push_str(&line(&cells));
        }
        lines
    }
}

impl Layout for Csv {
    fn begin(&mut self, statement: &AccountStatement) -> String {
        let mut columns: Vec<String> = COLUMNS.iter().map(|&column| column.to_owned()).collect();
        for currency in self.prices.currencies() {
            columns.extend(["date", "price", "value"].map(|what| format!("{what}_{currency}")));
        }
        self.head = vec![
            statement.from.to_string(),
            statement.until.to_string(),
            statement.state().to_owned(),
        ];
        let opening =
            (statement.accounts.iter()).map(|one| (one.account.to_string(), one.opening_sat));
        let at = last_before(statement.from);
        line(&columns) + &self.held("opening", at, opening)
    }

    fn movement(&mut self, movement: &Movement) -> String {
        let mut cells = self.head.clone();
        let transaction = match (&movement.txid, movement.output) {
            (Some(txid), Some(output)) => format!("{txid}:{output}"),
            (Some(txid), None) => txid.clone(),
            (None, _) => movement.cause.clone(),
        };
        cells.extend([
            "movement".to_owned(),
            movement.number.to_string(),
            movement.at.to_string(),
            movement.debit.to_string(),
            movement.credit.to_string(),
            movement.amount_sat.to_string(),
            money::btc_of(movement.amount_sat),
            movement.what.name().to_owned(),
            if movement.reverses { "yes" } else { "no" }.to_owned(),
            transaction,
            movement.block.clone().unwrap_or_default(),
            movement.withdrawal.clone().unwrap_or_default(),
        ]);
        cells.extend(self.worth(movement.amount_sat, movement.at));
        line(&cells)
    }

    fn end(&mut self, statement: &AccountStatement) -> String {
        let closing =
            (statement.accounts.iter()).map(|one| (one.account.to_string(), one.closing_sat));
        self.held("closing", last_before(statement.until), closing)
    }
}

/// A cell that no spreadsheet takes for a formula (OWASP, "CSV injection").
pub fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// One line (RFC 4180): what has commas, quotes or line ends is quoted, and quotes are doubled.
fn line(cells: &[String]) -> String {
    let written: Vec<String> = cells
        .iter()
        .map(|text| {
            let safe = cell(text);
            if safe.contains([',', '"', '\r', '\n']) {
                format!("\"{}\"", safe.replace('"', "\"\""))
            } else {
                safe
            }
        })
        .collect();
    format!("{}\r\n", written.join(","))
}
