//! What to do about an error, with the commands in it set as such.

use std::fmt;

use askama::filters::HtmlSafe;

use super::escaped;

/// A hint of an error; what stands between backticks is typed as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint(&'static str);

impl Hint {
    /// A hint.
    pub(crate) const fn new(hint: &'static str) -> Self {
        Self(hint)
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.split('`').enumerate() {
            if number % 2 == 1 {
                write!(f, "<code>{}</code>", escaped(part))?;
            } else {
                f.write_str(&escaped(part))?;
            }
        }
        Ok(())
    }
}

impl HtmlSafe for Hint {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_hint_are_set_as_such_and_nothing_of_it_becomes_html() {
        assert_eq!(
            Hint::new("`policy versions` lists <them>; `policy propose FILE` hands one in")
                .to_string(),
            "<code>policy versions</code> lists &lt;them&gt;; <code>policy propose FILE</code> hands one in"
        );
    }
}
