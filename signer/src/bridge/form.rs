//! A form as browsers send it (application/x-www-form-urlencoded), read strictly and bounded.

use super::error::BridgeError;

/// The most fields of a form.
const MAX_FIELDS: usize = 128;

/// The fields, in order; a name may stand several times.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// [`BridgeError::NotAForm`].
    pub(super) fn read(body: &[u8]) -> Result<Self, BridgeError> {
        let mut fields = Vec::new();
        for pair in body.split(|byte| *byte == b'&') {
            if pair.is_empty() {
                continue;
            }
            if fields.len() == MAX_FIELDS {
                return Err(BridgeError::NotAForm);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default())?;
            let value = decoded(halves.next().unwrap_or_default())?;
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(found, _)| found == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The value of a name that stands at most once and is at most so long; none where it is missing or empty.
    ///
    /// # Errors
    /// [`BridgeError::Field`].
    pub(super) fn only(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<Option<&str>, BridgeError> {
        let mut values = self.all(name);
        let first = values.next().unwrap_or_default();
        if values.next().is_some() || first.len() > most {
            return Err(BridgeError::Field {
                field: name,
                expected: "there once, and short enough",
            });
        }
        Ok(Some(first).filter(|value| !value.is_empty()))
    }
}

fn decoded(text: &[u8]) -> Result<String, BridgeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = (rest.next().and_then(digit), rest.next().and_then(digit));
                let (Some(high), Some(low)) = digits else {
                    return Err(BridgeError::NotAForm);
                };
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| BridgeError::NotAForm)
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it_and_nothing_else_is() {
        let form = Form::read(b"hash=1&hash=2&back=https%3A%2F%2Fa.example%2F%3Fx%3D1+2&empty=")
            .expect("is a form");
        assert_eq!(form.all("hash").collect::<Vec<_>>(), ["1", "2"]);
        let back = form.only("back", 100).expect("stands once");
        assert_eq!(back, Some("https://a.example/?x=1 2"));
        assert_eq!(form.only("empty", 1).expect("stands once"), None);
        assert_eq!(form.only("none", 1).expect("may be missing"), None);
        assert!(form.only("hash", 1).is_err(), "it stands twice");
        assert!(form.only("back", 10).is_err(), "it is too long");
        for bad in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"\xff=1"] {
            assert!(Form::read(bad).is_err(), "{bad:?}");
        }
        let many = "a=1&".repeat(MAX_FIELDS + 1);
        assert!(Form::read(many.as_bytes()).is_err());
    }
}
