//! A statement as a journal of hledger: opening balances, each movement as a transaction, and closing balances as
//! assertions that hledger itself checks.
//!
//! Invariant: nobody's words become syntax. References are written with letters, digits and single spaces; anything
//! else as `%` and two hex digits of each byte, so that no two references share an account.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use watchtower::ledger::Account;

use super::period::{day, last_before};
use super::{AccountStatement, Layout, Movement, Prices, btc};

/// The columns that an account's name takes at least.
const WIDTH: usize = 40;

/// Writes a journal.
#[derive(Debug, Default)]
pub struct Hledger {
    prices: Prices,
}

impl Hledger {
    /// With a market price for each day and currency of the prices.
    pub fn new(prices: Prices) -> Self {
        Self { prices }
    }
}

impl Layout for Hledger {
    fn begin(&mut self, statement: &AccountStatement) -> String {
        let last = last_before(statement.until);
        let mut text = format!(
            "; Countersign, vault {}\n; {} to {} (UTC), {}\n",
            statement.vault,
            day(statement.from),
            day(last),
            statement.state(),
        );
        text.push_str("\ndecimal-mark .\ncommodity 1000.00000000 BTC\n");
        for currency in self.prices.currencies() {
            push(&mut text, format_args!("commodity 1000.00 {currency}\n"));
        }
        text.push('\n');
        let accounts: BTreeSet<String> = (statement.accounts.iter())
            .map(|line| name(&line.account))
            .collect();
        for account in accounts {
            push(&mut text, format_args!("account {account}\n"));
        }
        for currency in self.prices.currencies() {
            for (date, price) in self.prices.until(currency, last) {
                push(&mut text, format_args!("P {date} BTC {price} {currency}\n"));
            }
        }
        let opening: Vec<(String, i64)> = (statement.accounts.iter())
            .map(|line| (name(&line.account), line.opening_sat))
            .filter(|(_, net)| *net != 0)
            .collect();
        if !opening.is_empty() {
            push(
                &mut text,
                format_args!("\n{} * opening balances\n", day(statement.from)),
            );
            for (account, net) in opening {
                text.push_str(&posting(&account, net));
            }
        }
        text
    }

    fn movement(&mut self, movement: &Movement) -> String {
        let sat = super::signed(movement.amount_sat);
        let mut text = format!(
            "\n{} * ({}) {}\n",
            day(movement.at),
            movement.number,
            movement.words()
        );
        push(&mut text, format_args!("    ; at: {}\n", movement.at));
        if let Some(txid) = &movement.txid {
            let output = movement.output.map(|output| format!(" output {output}"));
            push(
                &mut text,
                format_args!(
                    "    ; transaction: {}{}\n",
                    plain(txid),
                    output.unwrap_or_default()
                ),
            );
        } else {
            push(
                &mut text,
                format_args!("    ; cause: {}\n", plain(&movement.cause)),
            );
        }
        if let Some(block) = &movement.block {
            push(&mut text, format_args!("    ; block: {}\n", plain(block)));
        }
        if let Some(withdrawal) = &movement.withdrawal {
            push(
                &mut text,
                format_args!("    ; withdrawal: {}\n", plain(withdrawal)),
            );
        }
        text.push_str(&posting(&name(&movement.debit), sat));
        text.push_str(&posting(&name(&movement.credit), sat.saturating_neg()));
        text
    }

    fn end(&mut self, statement: &AccountStatement) -> String {
        if statement.accounts.is_empty() {
            return String::new();
        }
        let date = day(last_before(statement.until));
        let mut text = format!("\n{date} * closing balances, asserted\n");
        for line in &statement.accounts {
            push(
                &mut text,
                format_args!(
                    "    {:WIDTH$}  0.00000000 BTC = {} BTC\n",
                    name(&line.account),
                    btc(line.closing_sat)
                ),
            );
        }
        text
    }
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more)
        .expect("writing to a string cannot fail");
}

fn posting(account: &str, sat: i64) -> String {
    format!("    {account:WIDTH$}  {} BTC\n", btc(sat))
}

/// The account's name: what the vault has, owes and pays, by hledger's first names.
fn name(account: &Account) -> String {
    let (kind, reference) = (account.kind(), account.reference());
    let first = match account {
        Account::Coins | Account::Clearing => "assets",
        Account::DepositsPending | Account::DepositsSettled(_) | Account::Withdrawals(_) => {
            "liabilities"
        }
        Account::Fees => "expenses",
        // What nobody is credited with is nobody's claim.
        Account::Opening | Account::BelowMinimum(_) => "equity",
    };
    if reference.is_empty() {
        format!("{first}:{kind}")
    } else {
        format!("{first}:{kind}:{}", plain(reference))
    }
}

/// Words that are no syntax: see above.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let inner = letter == ' '
            && !out.is_empty()
            && !out.ends_with(' ')
            && letters.peek().is_some_and(|next| *next != ' ');
        if letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/' | '#') || inner {
            out.push(letter);
            continue;
        }
        let mut bytes = [0; 4];
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            push(&mut out, format_args!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_words_of_others_are_syntax() {
        for (text, written) in [
            ("customer 7", "customer 7"),
            ("a  b", "a%20 b"),
            (" a ", "%20a%20"),
            ("a:b;c", "a%3Ab%3Bc"),
            ("(a)", "%28a%29"),
            ("100%", "100%25"),
            ("é\n", "é%0A"),
            ("inv/7#2", "inv/7#2"),
        ] {
            assert_eq!(plain(text), written, "{text:?}");
        }
    }
}
