//! What people type and bring: forms, queries and files, bounded, and told beside the field where they are wrong.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Multipart, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bitcoin::{Amount, Txid};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use policies::VaultId;
use serde::de::DeserializeOwned;
use std::str::FromStr;

use super::Ui;
use super::fault::Fault;

/// The most bytes of a form with all its files.
pub(super) const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// The most files of one form.
const MOST_FILES: usize = 100;

/// A form. The guard has checked where it came from.
#[derive(Debug)]
pub(crate) struct Posted<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Ui> for Posted<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, ui: &Ui) -> Result<Self, Fault> {
        let form = axum_extra::extract::Form::<T>::from_request(request, ui).await;
        form.map(|form| Self(form.0)).map_err(|_| {
            let words =
                "This form cannot be read. Go back, load the page again and send it once more.";
            Fault::plain(StatusCode::BAD_REQUEST, words)
        })
    }
}

/// A query. What it has beyond `T` is not looked at.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Ui> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, ui: &Ui) -> Result<Self, Fault> {
        let query = axum_extra::extract::Query::<T>::from_request_parts(parts, ui).await;
        query
            .map(|query| Self(query.0))
            .map_err(|_| Fault::plain(StatusCode::BAD_REQUEST, "This address cannot be read."))
    }
}

/// The parts of a path, by name.
#[derive(Debug)]
pub(crate) struct Named(Vec<(String, String)>);

impl FromRequestParts<Ui> for Named {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, ui: &Ui) -> Result<Self, Fault> {
        let named = RawPathParams::from_request_parts(parts, ui)
            .await
            .map_err(|_| Fault::nothing_here())?;
        Ok(Self(
            named
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }
}

#[cfg(test)]
impl Named {
    /// The parts of a path, for tests that call a page.
    pub(crate) fn of(parts: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(parts.iter().map(owned).collect())
    }
}

impl Named {
    /// Parses the part of this name; what cannot be one is not there.
    pub(crate) fn get<T: FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.text(name)?.parse().map_err(|_| Fault::nothing_here())
    }

    /// The part of this name as it is.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Fault> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(Fault::nothing_here)
    }

    /// The vault of the path.
    pub(crate) fn vault(&self) -> Result<VaultId, Fault> {
        self.get("vault")
    }

    /// The attempt of the path.
    pub(crate) fn txid(&self) -> Result<Txid, Fault> {
        self.get("txid")
    }
}

/// A form with files.
#[derive(Debug, Default)]
pub(crate) struct Uploaded {
    texts: Vec<(String, String)>,
    files: Vec<(String, UploadedFile)>,
}

/// A file that somebody brought. Its name says nothing about its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadedFile {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

impl FromRequest<Ui> for Uploaded {
    type Rejection = Fault;

    async fn from_request(request: Request, ui: &Ui) -> Result<Self, Fault> {
        let unreadable = || {
            let words = "What was sent cannot be read. Go back and choose the files again.";
            Fault::plain(StatusCode::BAD_REQUEST, words)
        };
        let mut form = Multipart::from_request(request, ui)
            .await
            .map_err(|_| unreadable())?;
        let mut uploaded = Self::default();
        while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(|_| unreadable())?;
            match file {
                // A browser sends an empty file where none was chosen.
                Some(file) if file.is_empty() && bytes.is_empty() => {}
                Some(file) => uploaded
                    .files
                    .push((name, UploadedFile { name: file, bytes })),
                None => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    uploaded.texts.push((name, text));
                }
            }
            if uploaded.files.len() > MOST_FILES {
                let words = format!("At most {MOST_FILES} files are taken at once.");
                return Err(Fault::plain(StatusCode::PAYLOAD_TOO_LARGE, &words));
            }
        }
        Ok(uploaded)
    }
}

impl Uploaded {
    /// What was typed in a field; nothing where it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.texts.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, text)| text.as_str())
    }

    /// All that was typed in fields of a name, in order.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let of_field = self.texts.iter().filter(|(found, _)| found == name);
        of_field.map(|(_, text)| text.clone()).collect()
    }

    /// The files of a field, in order.
    pub(crate) fn files(&self, name: &str) -> Vec<&UploadedFile> {
        let of_field = self.files.iter().filter(|(found, _)| found == name);
        of_field.map(|(_, file)| file).collect()
    }
}

/// What is wrong with a form, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrong(BTreeMap<&'static str, String>);

impl Wrong {
    /// Says something beside a field; the first word about it stays.
    pub(crate) fn add(&mut self, field: &'static str, words: impl Into<String>) {
        self.0.entry(field).or_insert_with(|| words.into());
    }

    /// Whether all is well.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is said beside a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// Parses an amount: bitcoin as `0.05`, or satoshi as `5000000 sat`; spaces may group digits.
    pub(crate) fn amount(&mut self, field: &'static str, text: &str) -> Option<Amount> {
        match read_amount(text) {
            Some(amount) if amount > Amount::ZERO => Some(amount),
            Some(_) | None => {
                self.add(
                    field,
                    "An amount above 0 in BTC, such as 0.05, or in satoshi, such as 5000000 sat.",
                );
                None
            }
        }
    }
}

/// Reads an amount exactly; no number between two satoshi is one.
pub(crate) fn read_amount(text: &str) -> Option<Amount> {
    let packed: String = text
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '_'))
        .collect();
    let lower = packed.to_ascii_lowercase();
    let amount = if let Some(sat) = lower.strip_suffix("sat") {
        if sat.is_empty() || !sat.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Amount::from_sat(sat.parse().ok()?)
    } else {
        let number = lower.strip_suffix("btc").unwrap_or(&lower);
        let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > 8 {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let rest: u64 = format!("{rest:0<8}").parse().ok()?;
        Amount::from_sat(whole.checked_mul(100_000_000)?.checked_add(rest)?)
    };
    (amount <= Amount::MAX_MONEY).then_some(amount)
}

/// What stays as it is in a query, a path or a cookie.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Writes a text for a query or a cookie: letters, digits and a few marks as they are.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Reads what [`percent_encoded`] writes; anything else becomes marks that stand for nothing.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (text, sat) in [
            ("0.05", 5_000_000),
            ("0.04 200 000", 4_200_000),
            ("1", 100_000_000),
            ("1. ", 100_000_000),
            ("21000000", 2_100_000_000_000_000),
            ("0.00000001 BTC", 1),
            ("5 000 000 sat", 5_000_000),
            ("0 sat", 0),
        ] {
            assert_eq!(read_amount(text), Some(Amount::from_sat(sat)), "{text}");
        }
        for text in [
            "",
            "sat",
            ".5",
            "-1",
            "+1",
            "1e3",
            "0x10",
            "0.000000001",
            "1,5",
            "1.5 sat",
            "21000000.1",
            "99999999999999999999",
            "NaN",
            "１",
            "1.1.1",
            "1.-1",
        ] {
            assert_eq!(read_amount(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_breaks() {
        for text in [
            "",
            "Frozen.",
            "a; b=c\r\nSet-Cookie: x",
            "grün ✓",
            "%%%",
            "/vaults?a=b&c",
        ] {
            let encoded = percent_encoded(text);
            assert!(
                encoded
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b';')
            );
            assert_eq!(percent_decoded(&encoded), text);
        }
        assert_eq!(percent_decoded("%zz%4"), "%zz%4");
        assert_eq!(percent_decoded("a%ffb+c"), "a\u{fffd}b+c");
        assert_eq!(percent_encoded("a b/c~%\u{202e}"), "a%20b/c~%25%E2%80%AE");
    }
}
