//! A statement as one page of HTML that needs nothing else, made to be printed on A4.

use askama::Template;

use super::plain;
use crate::account_statement::period::day;
use crate::account_statement::{AccountStatement, Layout, Movement, Prices};
use crate::ui::show::Outside;

/// Writes the page.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    prices: Prices,
    missing: u64,
}

impl Printed {
    /// With a column of values for each currency of the prices.
    pub(crate) fn new(prices: Prices) -> Self {
        Self { prices, missing: 0 }
    }

    fn currencies(&self) -> Vec<String> {
        self.prices.currencies().map(str::to_owned).collect()
    }
}

/// A name and its figures.
struct Row {
    name: String,
    figures: Vec<String>,
}

#[derive(Template)]
#[template(path = "books/printed_begin.html")]
struct Begin {
    vault: String,
    first: String,
    last: String,
    state: &'static str,
    accounts: Vec<Row>,
    references: Vec<Row>,
    currencies: Vec<String>,
    count: u64,
}

#[derive(Template)]
#[template(path = "books/printed_row.html")]
struct MovementRow {
    number: u64,
    at: String,
    words: String,
    debit: String,
    credit: String,
    amount: String,
    values: Vec<String>,
    transaction: String,
    withdrawal: Option<String>,
}

#[derive(Template)]
#[template(path = "books/printed_end.html")]
struct End {
    priced: bool,
    missing: u64,
}

fn seen(text: &str) -> String {
    Outside::new(text).text()
}

fn drawn(template: &impl Template) -> String {
    template
        .render()
        .expect("these templates have nothing that fails")
}

impl Layout for Printed {
    fn begin(&mut self, statement: &AccountStatement) -> String {
        let sat = |sat: u64| plain(i64::try_from(sat).unwrap_or(i64::MAX));
        let accounts = statement.accounts.iter().map(|one| Row {
            name: seen(&one.account.to_string()),
            figures: vec![
                plain(one.opening_sat),
                sat(one.debit_sat),
                sat(one.credit_sat),
                plain(one.closing_sat),
            ],
        });
        let references = statement.references();
        let references = references.iter().map(|(reference, one)| Row {
            name: if reference.is_empty() {
                "(without a reference)".to_owned()
            } else {
                seen(reference)
            },
            figures: [
                one.opening_sat,
                one.deposits_sat,
                one.payments_sat,
                one.closing_sat,
            ]
            .map(plain)
            .to_vec(),
        });
        drawn(&Begin {
            vault: statement.vault.to_string(),
            first: day(statement.from),
            last: day(statement.until.saturating_sub(1)),
            state: statement.state(),
            accounts: accounts.collect(),
            references: references.collect(),
            currencies: self.currencies(),
            count: statement.movements,
        })
    }

    fn movement(&mut self, movement: &Movement) -> String {
        let mut values = Vec::new();
        for currency in self.currencies() {
            let worth = self
                .prices
                .worth(&currency, movement.amount_sat, movement.at);
            if worth.is_none() {
                self.missing = self.missing.saturating_add(1);
            }
            values.push(worth.map(|worth| worth.value).unwrap_or_default());
        }
        let transaction = match (&movement.txid, movement.output) {
            (Some(txid), Some(output)) => format!("{txid}:{output}"),
            (Some(txid), None) => txid.clone(),
            (None, _) => movement.cause.clone(),
        };
        drawn(&MovementRow {
            number: movement.number,
            at: movement.at.to_string(),
            words: movement.words(),
            debit: seen(&movement.debit.to_string()),
            credit: seen(&movement.credit.to_string()),
            amount: plain(i64::try_from(movement.amount_sat).unwrap_or(i64::MAX)),
            values,
            transaction: seen(&transaction),
            withdrawal: movement.withdrawal.as_deref().map(seen),
        })
    }

    fn end(&mut self, _: &AccountStatement) -> String {
        drawn(&End {
            priced: !self.prices.is_empty(),
            missing: self.missing,
        })
    }
}

#[cfg(test)]
mod tests {
    use policies::{UnixTime, VaultId};
    use watchtower::ledger::Account;

    use super::*;

    #[test]
    fn a_printed_statement_takes_nobodys_words_for_html() {
        let reference = Some("<script>alert(1)</script>".to_owned());
        let account = Account::DepositsSettled(reference);
        let statement = AccountStatement {
            vault: VaultId::from_bytes([7; 32]),
            from: UnixTime::from_secs(1_790_812_800),
            until: UnixTime::from_secs(1_793_491_200),
            provisional: true,
            movements: 1,
            accounts: vec![crate::account_statement::AccountLine {
                account: account.clone(),
                opening_sat: 0,
                debit_sat: 0,
                credit_sat: 5,
                closing_sat: -5,
            }],
        };
        let movement = Movement::of(
            1,
            UnixTime::from_secs(1_790_812_800),
            (Account::DepositsPending, account),
            5,
            "settled:<b>:0:block:1".to_owned(),
        );
        let prices = Prices::parse("date,currency,price\n2026-11-01,EUR,1\n").expect("prices");
        let mut printed = Printed::new(prices);
        let html = printed.begin(&statement) + &printed.movement(&movement);
        let html = html + &printed.end(&statement);
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(
            html.contains("provisional") && html.contains("-0.00000005"),
            "{html}"
        );
        assert!(html.contains("Without a price: 1."), "{html}");
        assert!(html.trim_end().ends_with("</html>"), "{html}");
    }
}
