//! A statement to be read in a terminal of 80 columns, or printed.

use super::period::{day, last_before};
use super::{AccountStatement, Layout, Movement, Prices, btc, money};

/// The columns of a figure: all money there is, with its sign and eight places.
const FIGURE: usize = 18;

/// Writes text.
#[derive(Debug, Default)]
pub struct Text {
    prices: Prices,
    missing: u64,
}

impl Text {
    /// With a line of values below each movement.
    pub fn new(prices: Prices) -> Self {
        Self { prices, missing: 0 }
    }
}

impl Layout for Text {
    fn begin(&mut self, statement: &AccountStatement) -> String {
        let state = if statement.provisional {
            "provisional: the period is not over, and more may come"
        } else {
            "final: the period is over"
        };
        let mut text = format!(
            "Statement of the books, in BTC\n\n  vault   {}\n  from    {}\n  to      {} (UTC)\n  state   {state}\n",
            statement.vault,
            day(statement.from),
            day(last_before(statement.until)),
        );
        text.push_str("\nAccounts; what is credited more than debited is below 0\n");
        text.push_str(&figures(
            ["opening", "debit", "credit", "closing"].map(str::to_owned),
        ));
        for line in &statement.accounts {
            text.push_str(&format!("{}\n", line.account));
            text.push_str(&figures([
                btc(line.opening_sat),
                money::btc_of(line.debit_sat),
                money::btc_of(line.credit_sat),
                btc(line.closing_sat),
            ]));
        }
        let references = statement.references();
        if !references.is_empty() {
            text.push_str("\nReferences: what came in under each, less what was paid out\n");
            text.push_str(&figures(
                ["opening", "deposits", "payments", "closing"].map(str::to_owned),
            ));
        }
        for (reference, line) in references {
            let name = if reference.is_empty() {
                "(without a reference)"
            } else {
                &reference
            };
            text.push_str(&format!("{name}\n"));
            text.push_str(&figures(
                [
                    line.opening_sat,
                    line.deposits_sat,
                    line.payments_sat,
                    line.closing_sat,
                ]
                .map(btc),
            ));
        }
        text.push_str(&format!("\nMovements: {}\n", statement.movements));
        text
    }

    fn movement(&mut self, movement: &Movement) -> String {
        let mut text = format!(
            "\n{:>8}  {}  {}\n          debit   {}\n          credit  {}\n          amount  {}\n",
            movement.number,
            movement.at,
            movement.words(),
            movement.debit,
            movement.credit,
            money::btc_of(movement.amount_sat),
        );
        if let Some(withdrawal) = &movement.withdrawal {
            text.push_str(&format!("          paid    {withdrawal}\n"));
        }
        match (&movement.txid, movement.output) {
            (Some(txid), Some(output)) => text.push_str(&format!("    tx {txid}:{output}\n")),
            (Some(txid), None) => text.push_str(&format!("    tx {txid}\n")),
            (None, _) => text.push_str(&format!("    {}\n", movement.cause)),
        }
        if let Some(block) = &movement.block {
            text.push_str(&format!("    in {block}\n"));
        }
        for currency in self.prices.currencies() {
            match self
                .prices
                .worth(currency, movement.amount_sat, movement.at)
            {
                Some(worth) => text.push_str(&format!(
                    "          value   {} {currency}, at {} of {}\n",
                    worth.value, worth.price, worth.date
                )),
                None => self.missing = self.missing.saturating_add(1),
            }
        }
        text
    }

    fn end(&mut self, _: &AccountStatement) -> String {
        if self.prices.is_empty() {
            return String::new();
        }
        format!(
            "\nValues are for reading only, rounded to hundredths, halves up. Without a price: {}.\n",
            self.missing
        )
    }
}

fn figures(cells: [String; 4]) -> String {
    let [first, second, third, fourth] = cells;
    format!("{first:>FIGURE$}  {second:>FIGURE$}  {third:>FIGURE$}  {fourth:>FIGURE$}\n")
}
