//! The same entries give the same bytes, the closing of one period is the opening of the next, and nothing adds up by
//! accident.
#![expect(clippy::arithmetic_side_effects, reason = "figures of tests are small")]

use std::collections::BTreeMap;

use policies::{UnixTime, VaultId};
use proptest::prelude::*;
use watchtower::ledger::Account;

use super::csv::Csv;
use super::hledger::Hledger;
use super::text::Text;
use super::*;

/// An entry: when, debit, credit, amount.
type Given = (u64, usize, usize, u64);

fn accounts() -> Vec<Account> {
    let customer = |name: &str| Some(name.to_owned());
    vec![
        Account::Coins,
        Account::Clearing,
        Account::DepositsPending,
        Account::DepositsSettled(None),
        Account::DepositsSettled(customer("customer 7")),
        Account::Withdrawals(customer("customer 7")),
        Account::Withdrawals(None),
        Account::Fees,
    ]
}

/// The movements that such entries are, by number.
fn movements(given: &[Given]) -> Vec<Movement> {
    let all = accounts();
    (given.iter().zip(1_u64..))
        .map(|((at, debit, credit, amount), number)| {
            let (debit, credit) = (all[*debit].clone(), all[*credit].clone());
            let cause = format!("settled:{number}:0:block:1");
            Movement::of(
                number,
                UnixTime::from_secs(*at),
                (debit, credit),
                *amount,
                cause,
            )
        })
        .collect()
}

/// What a store says of a period, by folding.
fn folded(all: &[Movement], from: u64, until: u64) -> (AccountStatement, Vec<Movement>) {
    let mut lines: BTreeMap<Account, AccountLine> = BTreeMap::new();
    let mut within = Vec::new();
    for one in all.iter().filter(|one| one.at.as_secs() < until) {
        let is_within = one.at.as_secs() >= from;
        for (account, sign) in [(&one.debit, 1), (&one.credit, -1)] {
            let line = lines.entry(account.clone()).or_insert(AccountLine {
                account: account.clone(),
                opening_sat: 0,
                debit_sat: 0,
                credit_sat: 0,
                closing_sat: 0,
            });
            let moved = sign * i64::try_from(one.amount_sat).expect("small");
            line.closing_sat += moved;
            if !is_within {
                line.opening_sat += moved;
            } else if sign > 0 {
                line.debit_sat += one.amount_sat;
            } else {
                line.credit_sat += one.amount_sat;
            }
        }
        if is_within {
            within.push(one.clone());
        }
    }
    let statement = AccountStatement {
        vault: VaultId::from_bytes([7; 32]),
        from: UnixTime::from_secs(from),
        until: UnixTime::from_secs(until),
        provisional: false,
        movements: u64::try_from(within.len()).expect("few"),
        accounts: lines.into_values().collect(),
    };
    (statement, within)
}

fn written(layout: &mut impl Layout, statement: &AccountStatement, all: &[Movement]) -> String {
    let mut text = layout.begin(statement);
    for movement in all {
        text.push_str(&layout.movement(movement));
    }
    text + &layout.end(statement)
}

fn proven(statement: &AccountStatement, all: &[Movement]) -> Result<(), Unproven> {
    let mut proof = Proof::default();
    for movement in all {
        proof.take(movement)?;
    }
    proof.judge(statement)
}

/// October 2026, its first moment and the first one after it.
const OCTOBER: (u64, u64) = (1_790_812_800, 1_793_491_200);

/// A month with everything: a deposit, its settlement, a payment with its change and fee, and a reversal.
fn october() -> (AccountStatement, Vec<Movement>) {
    let (from, until) = OCTOBER;
    let customer = |name: &str| Some(name.to_owned());
    let id = |letter: &str| letter.repeat(64);
    let (coins, clearing) = (Account::Coins, Account::Clearing);
    let settled = Account::DepositsSettled(customer("customer 7"));
    let spam = Account::DepositsSettled(customer("=HYPERLINK(\"http://x\"), \"7\""));
    let paid = Account::Withdrawals(customer("customer 7"));
    let pending = Account::DepositsPending;
    let entries = [
        (
            from - 9,
            &coins,
            &pending,
            50_000_000,
            format!("confirmed:{}:0:{}:1", id("a"), id("1")),
        ),
        (
            from - 5,
            &pending,
            &settled,
            50_000_000,
            format!("settled:{}:0:{}:1", id("a"), id("1")),
        ),
        (
            from,
            &coins,
            &pending,
            70_000,
            format!("confirmed:{}:1:{}:1", id("b"), id("2")),
        ),
        (
            from + 60,
            &pending,
            &spam,
            70_000,
            format!("settled:{}:1:{}:1", id("b"), id("2")),
        ),
        (
            from + 120,
            &spam,
            &pending,
            70_000,
            format!("reverses:settled:{}:1:{}:1", id("b"), id("2")),
        ),
        (
            from + 120,
            &pending,
            &coins,
            70_000,
            format!("reverses:confirmed:{}:1:{}:1", id("b"), id("2")),
        ),
        (
            from + 90_000,
            &clearing,
            &coins,
            50_000_000,
            format!("spent:{}:0:{}:1", id("a"), id("3")),
        ),
        (
            from + 90_000,
            &coins,
            &clearing,
            29_999_000,
            format!("confirmed:{}:0:{}:1", id("c"), id("3")),
        ),
        (
            from + 90_001,
            &paid,
            &clearing,
            20_000_000,
            format!("payment:{}:exchange:w-1:{}:1", id("c"), id("3")),
        ),
        (
            from + 90_001,
            &Account::Fees,
            &clearing,
            1_000,
            format!("fee:{}:{}:1", id("c"), id("3")),
        ),
        (
            until,
            &coins,
            &pending,
            5,
            format!("confirmed:{}:0:{}:1", id("d"), id("4")),
        ),
    ];
    let all: Vec<Movement> = (entries.into_iter().zip(1_u64..))
        .map(|((at, debit, credit, amount, cause), number)| {
            let accounts = (debit.clone(), credit.clone());
            Movement::of(number, UnixTime::from_secs(at), accounts, amount, cause)
        })
        .collect();
    folded(&all, from, until)
}

fn prices() -> Prices {
    Prices::parse("date,currency,price\n2026-10-01,EUR,60000.12345678\n2026-10-02,EUR,61000\n")
        .expect("prices")
}

#[test]
fn a_statement_has_the_bytes_that_it_always_had() {
    let (statement, all) = october();
    proven(&statement, &all).expect("adds up");
    let folder = tempfile::tempdir().expect("a folder").keep();
    let mut differ = Vec::new();
    let mut golden = |name: &str, written: String| {
        let path = format!(
            "{}/src/account_statement/golden/{name}",
            env!("CARGO_MANIFEST_DIR")
        );
        if std::fs::read_to_string(&path).unwrap_or_default() != written {
            std::fs::write(folder.join(name), &written).expect("writes");
            differ.push(name.to_owned());
        }
    };
    golden(
        "october.txt",
        written(&mut Text::new(Prices::default()), &statement, &all),
    );
    golden(
        "october.csv",
        written(&mut Csv::new(Prices::default()), &statement, &all),
    );
    golden(
        "october.journal",
        written(&mut Hledger::new(Prices::default()), &statement, &all),
    );
    golden(
        "october_prices.txt",
        written(&mut Text::new(prices()), &statement, &all),
    );
    golden(
        "october_prices.csv",
        written(&mut Csv::new(prices()), &statement, &all),
    );
    golden(
        "october_prices.journal",
        written(&mut Hledger::new(prices()), &statement, &all),
    );
    let json = serde_json::to_string_pretty(&(&statement, &all)).expect("json");
    golden("october.json", json.clone() + "\n");
    assert!(
        differ.is_empty(),
        "{differ:?}: compare with what stands in {}",
        folder.display()
    );
    std::fs::remove_dir_all(&folder).expect("goes");
    let again: (AccountStatement, Vec<Movement>) = serde_json::from_str(&json).expect("reads");
    assert_eq!(again, (statement, all));
}

#[test]
fn what_a_reorg_took_back_is_named_as_such() {
    let (_, all) = october();
    let reversed: Vec<String> = (all.iter())
        .filter(|movement| movement.reverses)
        .map(Movement::words)
        .collect();
    assert_eq!(
        reversed,
        [
            "reversed by a reorg: deposit settled",
            "reversed by a reorg: deposit confirmed"
        ]
    );
}

#[test]
fn no_cell_of_the_file_is_a_formula_and_lines_are_whole() {
    let (statement, all) = october();
    let text = written(&mut Csv::new(prices()), &statement, &all);
    let columns = text.lines().next().expect("a head").split(',').count();
    for row in text.split_terminator("\r\n") {
        assert!(!row.contains('\n'), "{row}");
        let (mut cells, mut quoted) = (vec![String::new()], false);
        for letter in row.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                _ => cells.last_mut().expect("one").push(letter),
            }
        }
        assert_eq!(cells.len(), columns, "{row}");
        assert!(!quoted, "{row}");
        for cell in cells {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
    assert!(
        text.contains("'=HYPERLINK") || text.contains("deposits_settled/=HYPERLINK"),
        "{text}"
    );
}

#[test]
fn amounts_without_a_price_are_empty_and_counted() {
    let (statement, all) = october();
    let mut csv = Csv::new(prices());
    let text = written(&mut csv, &statement, &all);
    // The two accounts of the opening, whose day is before the first price.
    assert_eq!(csv.missing(), 2);
    assert!(text.contains("2026-10-02,61000,12200.00\r\n"), "{text}");
}

#[test]
fn what_does_not_add_up_is_said() {
    let (statement, all) = october();
    let mut wrong = statement.clone();
    wrong.accounts[0].closing_sat += 1;
    assert!(matches!(
        proven(&wrong, &all),
        Err(Unproven::Account { .. })
    ));
    assert!(matches!(
        proven(&statement, &all[1..]),
        Err(Unproven::Movements { .. })
    ));
    let mut other = all.clone();
    other[0].amount_sat += 1;
    assert!(matches!(
        proven(&statement, &other),
        Err(Unproven::Account { .. })
    ));
    let mut turned = all.clone();
    turned.swap(0, 1);
    assert!(matches!(
        proven(&statement, &turned),
        Err(Unproven::Order { .. })
    ));
    let mut uneven = statement.clone();
    uneven.accounts[0].opening_sat += 1;
    uneven.accounts[0].closing_sat += 1;
    assert!(matches!(
        proven(&uneven, &all),
        Err(Unproven::Uneven { net_sat: 1 })
    ));
}

fn given() -> impl Strategy<Value = Vec<Given>> {
    let entry = (0_u64..100, 0_usize..8, 1_usize..8, 1_u64..1_000_000);
    let entry = entry.prop_map(|(at, debit, step, amount)| (at, debit, (debit + step) % 8, amount));
    proptest::collection::vec(entry, 0..60)
}

proptest! {
    #[test]
    fn periods_that_meet_close_and_open_alike_and_add_up(
        given in given(), first in 0_u64..50, second in 50_u64..110,
    ) {
        let all = movements(&given);
        let (before, moved) = folded(&all, first, second);
        proven(&before, &moved).expect("adds up");
        let (next, moved_next) = folded(&all, second, 200);
        proven(&next, &moved_next).expect("adds up");
        let (whole, moved_all) = folded(&all, first, 200);
        proven(&whole, &moved_all).expect("adds up");
        for line in &next.accounts {
            let closed = before.accounts.iter().find(|one| one.account == line.account);
            prop_assert_eq!(line.opening_sat, closed.map_or(0, |one| one.closing_sat));
            let of_whole = whole.accounts.iter().find(|one| one.account == line.account);
            prop_assert_eq!(Some(line.closing_sat), of_whole.map(|one| one.closing_sat));
        }
        let references = whole.references();
        for (reference, line) in &references {
            let net = line.opening_sat + line.deposits_sat - line.payments_sat;
            prop_assert_eq!(net, line.closing_sat, "{}", reference);
        }
    }

    #[test]
    fn a_statement_is_written_alike_each_time_and_fits_its_columns(given in given()) {
        let all = movements(&given);
        let (statement, moved) = folded(&all, 10, 90);
        let text = written(&mut Text::new(Prices::default()), &statement, &moved);
        prop_assert_eq!(&text, &written(&mut Text::new(Prices::default()), &statement, &moved));
        for line in text.lines() {
            prop_assert!(line.chars().count() <= 80, "{}", line);
        }
    }
}
