//! The text of a mail: one line for each thing, and the page that shows it. Pure.

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::hex::DisplayHex as _;

use super::telling::plain;
use crate::store::notices::NoticeRow;

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is known by: the same for the same notices to the same person, so that one that comes twice is told.
    pub id: String,
    /// Its subject, one line.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// The mail that tells all of these.
pub fn letter(notices: &[NoticeRow], public_url: &str) -> Letter {
    let subject = match notices {
        [only] => format!("Countersign: {}", plain(&only.title)),
        many => {
            let waits = many.iter().filter(|one| one.kind == "waits").count();
            match waits {
                0 => format!("Countersign: {} things happened", many.len()),
                1 => format!("Countersign: 1 of {} things waits for you", many.len()),
                waits => format!("Countersign: {waits} of {} things wait for you", many.len()),
            }
        }
    };
    let mut text = String::new();
    for notice in notices {
        text += &plain(&notice.title);
        text += "\n";
        if !notice.words.is_empty() {
            text += &format!("{}\n", plain(&notice.words));
        }
        text += &format!("{public_url}{}\n\n", notice.href);
    }
    let link = if notices.len() == 1 {
        "This link opens a page. It approves nothing."
    } else {
        "These links open pages. They approve nothing."
    };
    text += &format!("{link}\nWhat you are told: {public_url}/account/notifications\n");
    Letter {
        id: id_of(notices),
        subject,
        text,
    }
}

fn id_of(notices: &[NoticeRow]) -> String {
    let mut engine = sha256::Hash::engine();
    for notice in notices {
        for part in [&notice.person, &notice.key] {
            // A length before each, so that no two lists of parts are written alike.
            engine.input(format!("{} ", part.len()).as_bytes());
            engine.input(part.as_bytes());
        }
    }
    let hash = sha256::Hash::from_engine(engine).to_byte_array();
    let (short, _) = hash.split_at(16);
    short.to_lower_hex_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use policies::UnixTime;

    fn notice(title: &str) -> NoticeRow {
        NoticeRow {
            person: "dana".to_owned(),
            key: title.to_owned(),
            kind: "waits".to_owned(),
            title: title.to_owned(),
            words: "It waits for your approval.".to_owned(),
            href: "/vaults/1/withdrawals/exchange/w-1".to_owned(),
            at: UnixTime::ZERO,
        }
    }

    #[test]
    fn a_mail_says_what_waits_where_and_that_it_approves_nothing() {
        let one = letter(
            &[notice("Withdrawal w-1\nSubject: x")],
            "https://treasury.example",
        );
        assert_eq!(one.subject, "Countersign: Withdrawal w-1⟨U+000A⟩Subject: x");
        for part in [
            "https://treasury.example/vaults/1/withdrawals/exchange/w-1\n",
            "This link opens a page. It approves nothing.",
            "https://treasury.example/account/notifications",
        ] {
            assert!(one.text.contains(part), "{part} in {}", one.text);
        }
        let two = letter(&[notice("a"), notice("b")], "https://treasury.example");
        assert_eq!(two.subject, "Countersign: 2 of 2 things wait for you");
        assert!(two.text.contains("They approve nothing."));
        assert_ne!(one.id, two.id);
        let again = letter(&[notice("a"), notice("b")], "https://elsewhere.example");
        assert_eq!(two.id, again.id, "sent again, it is the same mail");
    }
}
