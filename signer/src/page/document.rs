//! The page's HTML: the words of the terminal, and one question.
//!
//! Invariant: every text from outside is escaped; the document has no inline script or style.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::words::{Told, escaped};

/// What the page asks of its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A press of the button; a key of a file signs.
    Confirm,
    /// A press of the button; a device that is attached signs, which takes a while and can be stopped.
    Device,
    /// The touch of one of these passkeys.
    Assert {
        /// What is signed.
        challenge: [u8; 32],
        /// The ids of the passkeys.
        credentials: Vec<Vec<u8>>,
    },
    /// A new passkey.
    Register {
        /// What proves that the answer belongs to this page.
        challenge: [u8; 32],
        /// An id of its own, so that no earlier passkey is replaced.
        user: [u8; 16],
        /// The name that the browser lists it under.
        name: String,
    },
}

/// One page.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// What it is about, in a few words.
    pub title: &'a str,
    /// What is signed, in one sentence.
    pub summary: &'a str,
    /// The intents, as the terminal shows them.
    pub told: &'a [Told],
    /// Texts as the terminal lays them out, each under its title.
    pub texts: &'a [(&'static str, String)],
    /// What the button says.
    pub button: &'a str,
    /// What the other button says.
    pub decline: &'a str,
    /// What is asked.
    pub ask: &'a Ask,
    /// The page to go back to, if it was opened from one.
    pub back: Option<&'a str>,
    /// Under which name the browser keeps its half of what pairing made, if only that browser may answer.
    pub browser: Option<&'a str>,
}

impl Document<'_> {
    /// Its HTML.
    pub fn html(&self) -> String {
        let title = escaped(self.title);
        let intents: String = self.told.iter().map(intent).collect();
        let texts: String = self.texts.iter().map(laid_out).collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title} – Countersign</title>\n\
             <link rel=\"stylesheet\" href=\"style.css\">\n\
             <script src=\"page.js\" type=\"module\"></script>\n</head>\n\
             <body {}{}>\n<main>\n\
             <p class=\"place\">countersign-signer on this computer</p>\n\
             <h1>{title}</h1>\n<p class=\"summary\">{}</p>\n{intents}{texts}\
             <div class=\"actions\">\n\
             <button id=\"act\" type=\"button\" disabled>{}</button>\n\
             <button id=\"decline\" type=\"button\" class=\"quiet\">{}</button>\n</div>\n\
             <p id=\"said\" role=\"status\" aria-live=\"polite\"></p>\n{}\
             <noscript><p class=\"wrong\">This page needs JavaScript to ask for your answer.</p></noscript>\n\
             </main>\n</body>\n</html>\n",
            self.ask.attributes(),
            self.browser.map(kept_under).unwrap_or_default(),
            escaped(self.summary),
            escaped(self.button),
            escaped(self.decline),
            self.back.map(back_link).unwrap_or_default(),
        )
    }
}

impl Ask {
    fn attributes(&self) -> String {
        match self {
            Self::Confirm => "data-ask=\"confirm\"".to_owned(),
            Self::Device => "data-ask=\"device\"".to_owned(),
            Self::Assert {
                challenge,
                credentials,
            } => {
                let ids: Vec<String> = credentials
                    .iter()
                    .map(|id| URL_SAFE_NO_PAD.encode(id))
                    .collect();
                format!(
                    "data-ask=\"assert\" data-challenge=\"{}\" data-credentials=\"{}\"",
                    URL_SAFE_NO_PAD.encode(challenge),
                    ids.join(" ")
                )
            }
            Self::Register {
                challenge,
                user,
                name,
            } => format!(
                "data-ask=\"register\" data-challenge=\"{}\" data-user=\"{}\" data-name=\"{}\"",
                URL_SAFE_NO_PAD.encode(challenge),
                URL_SAFE_NO_PAD.encode(user),
                escaped(name)
            ),
        }
    }
}

fn intent(told: &Told) -> String {
    let mut facts = String::new();
    for (label, value) in &told.facts {
        let warns = label.bytes().all(|byte| byte.is_ascii_uppercase());
        let class = if warns { " class=\"warns\"" } else { "" };
        facts += &format!(
            "<div{class}><dt>{}</dt><dd>{}</dd></div>\n",
            escaped(label),
            escaped(value)
        );
    }
    format!(
        "<article tabindex=\"0\">\n<h2>{}</h2>\n<dl>\n{facts}</dl>\n</article>\n",
        escaped(&told.headline)
    )
}

fn laid_out((title, text): &(&'static str, String)) -> String {
    let (title, text) = (escaped(title), escaped(text));
    // A line break after `<pre>` is none of the text (HTML Living Standard §13.1.2.5).
    format!("<article tabindex=\"0\">\n<h2>{title}</h2>\n<pre>\n{text}</pre>\n</article>\n")
}

/// Where the page's script finds this browser's half.
fn kept_under(name: &str) -> String {
    format!(" data-browser=\"{}\"", escaped(name))
}

/// A link to the page that one came from.
pub(crate) fn back_link(back: &str) -> String {
    let back = escaped(back);
    format!("<p class=\"back\"><a href=\"{back}\">Back to the page you came from</a></p>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_word_escaped_and_has_nothing_inline() {
        let told = Told {
            headline: "payment of <1>".to_owned(),
            facts: vec![
                ("reference", "\"><script>alert('x')</script>&".to_owned()),
                ("REPEATS", "w-1: both may be paid".to_owned()),
            ],
        };
        let ask = Ask::Assert {
            challenge: [0xff; 32],
            credentials: vec![vec![1], vec![2, 3]],
        };
        let html = Document {
            title: "Approve 1 withdrawal",
            summary: "Approve it.",
            told: &[told],
            texts: &[("What it does", "Pays <b>\n  1 BTC".to_owned())],
            button: "Approve with your passkey",
            decline: "Do not sign",
            ask: &ask,
            back: None,
            browser: Some("bridge-1\""),
        }
        .html();
        for part in [
            "payment of &lt;1&gt;",
            "&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;",
            "<div class=\"warns\"><dt>REPEATS</dt>",
            "<h2>What it does</h2>\n<pre>\nPays &lt;b&gt;\n  1 BTC</pre>",
            "data-credentials=\"AQ AgM\"",
            "data-browser=\"bridge-1&quot;\"",
            // The script lets it be pressed once the page was looked at.
            "<button id=\"act\" type=\"button\" disabled>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("style=") && !html.contains("onclick") && !html.contains("<style"));
        assert_eq!(html.matches("<script").count(), 1);
        assert!(!html.contains("//"), "no foreign address in {html}");
    }
}
