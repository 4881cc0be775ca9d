//! How words stand on a line: amounts, addresses, counts and breaks.
//!
//! Amounts are whole satoshi shown in bitcoin with grouped digits, addresses in groups of four. No line
//! is wider than 80 columns.

use bitcoin::{Address, Amount, Network, Script};

/// Lines of at most 80 columns.
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    pub(super) fn wrapped(&mut self, text: &str) {
        for part in wrap(text, 80) {
            self.line(&part);
        }
    }

    pub(super) fn indented(&mut self, text: &str) {
        // What goes on stands deeper, so that nobody's text can pass for a line of its own.
        let mut deeper = "";
        for part in wrap(text, 72) {
            self.line(&format!("     {deeper}{part}"));
            deeper = "  ";
        }
    }
}

/// Where a payment goes: the address, or the script where it has none, in groups of four.
pub(super) fn payee(address: Option<&Address>, script: &Script) -> String {
    match address {
        Some(address) => groups_of_four(&address.to_string()),
        None => format!("the script {}", groups_of_four(&script.to_hex_string())),
    }
}

/// The same for a script of a network.
pub(super) fn payee_of(script: &Script, network: Network) -> String {
    payee(Address::from_script(script, network).ok().as_ref(), script)
}

/// Where a payment goes, as a phrase.
pub(super) fn destination(address: Option<&Address>, script: &Script) -> String {
    format!("to {}", payee(address, script))
}

/// Writes an amount in bitcoin with grouped digits, and in satoshi.
pub(super) fn amount(amount: Amount) -> String {
    let sat = amount.to_sat();
    let (whole, rest) = (sat / 100_000_000, sat % 100_000_000);
    let (cents, middle, last) = (rest / 1_000_000, rest / 1_000 % 1_000, rest % 1_000);
    format!(
        "{}.{cents:02} {middle:03} {last:03} BTC ({} sat)",
        thousands(whole),
        thousands(sat)
    )
}

/// Writes a whole number with a comma before each three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(super) fn groups_of_four(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(4)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A number of things, in the singular or plural.
pub fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

/// Breaks a text at spaces into lines of at most `width`.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        let length = line.chars().count() + word.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if length < width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    // A word wider than a line, such as a script in hex, is cut.
    lines
        .into_iter()
        .flat_map(|line| {
            let chars: Vec<char> = line.chars().collect();
            if chars.is_empty() {
                return vec![String::new()];
            }
            chars
                .chunks(width.max(1))
                .map(|part| part.iter().collect::<String>())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_show_every_satoshi_in_groups() {
        assert_eq!(amount(Amount::from_sat(0)), "0.00 000 000 BTC (0 sat)");
        assert_eq!(
            amount(Amount::from_sat(123_456_789)),
            "1.23 456 789 BTC (123,456,789 sat)"
        );
        assert_eq!(
            amount(Amount::MAX_MONEY),
            "21,000,000.00 000 000 BTC (2,100,000,000,000,000 sat)"
        );
    }

    #[test]
    fn addresses_are_shown_in_groups_of_four() {
        assert_eq!(groups_of_four("bcrt1qabcd"), "bcrt 1qab cd");
    }

    #[test]
    fn no_wrapped_line_is_wider_than_asked() {
        let text = format!("a {} b c d e f g", "x".repeat(200));
        assert!(
            wrap(&text, 20)
                .iter()
                .all(|line| line.chars().count() <= 20)
        );
        assert_eq!(
            wrap(&text, 20).concat().replace(' ', "").len(),
            text.replace(' ', "").len()
        );
    }
}
