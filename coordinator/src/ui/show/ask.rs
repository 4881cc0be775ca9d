//! What one's own tool is asked to do: by a form to the tool on this computer, and by the same as a command.
//!
//! Invariant: only hashes and texts that the tool checks and shows again leave the page; it never signs here.

use std::fmt;

use askama::filters::HtmlSafe;
use policies::VaultId;

use super::escaped;

/// A form that opens the person's own tool, which shows what is asked again, and signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    port: Option<u16>,
    button: String,
    danger: bool,
    short: bool,
    fields: Vec<(&'static str, String)>,
    typed: Option<(&'static str, &'static str)>,
}

impl Ask {
    /// Asks for `what` about a vault; `back` is the page to return to.
    pub(crate) fn new(
        port: Option<u16>,
        vault: VaultId,
        what: &'static str,
        back: String,
        button: &str,
    ) -> Self {
        Self {
            port,
            button: button.to_owned(),
            danger: false,
            short: false,
            fields: vec![
                ("vault", vault.to_string()),
                ("what", what.to_owned()),
                ("back", back),
            ],
            typed: None,
        }
    }

    /// With one more field, which may come several times.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_owned()));
        self
    }

    /// With a line that the person types.
    #[must_use]
    pub(crate) fn typed(mut self, name: &'static str, label: &'static str) -> Self {
        self.typed = Some((name, label));
        self
    }

    /// For a row of a table: the button alone, and nothing where no tool is paired.
    #[must_use]
    pub(crate) fn short(mut self) -> Self {
        self.short = true;
        self
    }

    /// As something that is not done lightly.
    #[must_use]
    pub(crate) fn dangerous(mut self) -> Self {
        self.danger = true;
        self
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(port) = self.port else {
            if self.short {
                return Ok(());
            }
            return f.write_str(
                "<p class=\"quiet\">To sign from here, <a href=\"/account/bridge\">pair your own tool</a> first; \
                 or use the command below.</p>",
            );
        };
        write!(
            f,
            "<form class=\"ask\" action=\"http://localhost:{port}/ask\" method=\"post\" target=\"_blank\">"
        )?;
        for (name, value) in &self.fields {
            write!(
                f,
                "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                escaped(value)
            )?;
        }
        if let Some((name, label)) = self.typed {
            write!(
                f,
                "<div class=\"field\"><label for=\"ask-{name}\">{}</label><input id=\"ask-{name}\" name=\"{name}\" \
                 maxlength=\"200\" autocomplete=\"off\"></div>",
                escaped(label)
            )?;
        }
        let class = match (self.danger, self.short) {
            (true, _) => "button-danger",
            (false, true) => "button-quiet small",
            (false, false) => "button",
        };
        let button = escaped(&self.button);
        write!(
            f,
            "<button class=\"{class}\" type=\"submit\">{button}</button>"
        )?;
        if !self.short {
            f.write_str(
                " <span class=\"quiet small\">opens your own tool, which shows it again and signs</span>",
            )?;
        }
        f.write_str("</form>")
    }
}

impl HtmlSafe for Ask {}

/// A command to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command(String);

impl Command {
    /// A command of these words, each quoted where a shell would take it otherwise.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let quoted: Vec<String> = words.into_iter().map(word).collect();
        Self(quoted.join(" "))
    }

    /// Lines that are a command already.
    pub(crate) fn of_lines(lines: &[String]) -> Self {
        Self(lines.join("\n"))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = escaped(&self.0);
        write!(
            f,
            "<pre class=\"command\" data-copy=\"{text}\" translate=\"no\">{text}</pre>"
        )
    }
}

impl HtmlSafe for Command {}

/// A word as a shell takes it for one and for nothing else (POSIX, "Single-Quotes").
fn word(text: &str) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b',')
    };
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_own_tool_is_asked_is_a_form_to_this_computer_or_a_way_to_pair() {
        let ask = |port| {
            let vault = VaultId::from_bytes([7; 32]);
            Ask::new(
                port,
                vault,
                "stop",
                "https://t.example/x".to_owned(),
                "Stop",
            )
            .with("statement", "{\"a\":\"<\"}")
            .to_string()
        };
        let form = ask(Some(7543));
        assert!(
            form.contains("action=\"http://localhost:7543/ask\""),
            "{form}"
        );
        assert!(
            form.contains("value=\"{&quot;a&quot;:&quot;&lt;&quot;}\""),
            "{form}"
        );
        let none = ask(None);
        assert!(
            !none.contains("<form") && none.contains("/account/bridge"),
            "{none}"
        );
    }

    #[test]
    fn no_word_of_a_stranger_becomes_a_command() {
        let said = Command::new(["list", "--label", "O'Neil; rm -rf $HOME", ""]).0;
        assert_eq!(said, r"list --label 'O'\''Neil; rm -rf $HOME' ''");
    }
}
