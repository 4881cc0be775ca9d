//! The bridge's own pages besides asks: what was paired, and what was refused and what to do about it.
//!
//! Invariant: every text from outside is escaped; nothing is inline, and nothing on them changes anything.

use crate::failure::Reason;
use crate::page::{back_link, escaped};

/// A page of words.
pub(super) fn words(title: &str, paragraphs: &[&str], back: Option<&str>) -> String {
    let mut told = String::new();
    for text in paragraphs {
        told += &format!("<p>{}</p>\n", escaped(text));
    }
    frame(title, &told, back)
}

/// A page that says why nothing was done.
pub(super) fn refused(title: &str, reasons: &[Reason], back: Option<&str>) -> String {
    let mut told = String::new();
    for reason in reasons {
        told += &format!(
            "<article>\n<h2>{}</h2>\n<dl>\n<div><dt>what to do</dt><dd>{}</dd></div>\n\
             <div><dt>code</dt><dd>{}</dd></div>\n</dl>\n</article>\n",
            escaped(&sentence(&reason.message)),
            escaped(&sentence(&reason.hint)),
            escaped(reason.code)
        );
    }
    frame(title, &told, back)
}

/// A text that begins with a capital and ends with a point.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>());
    let whole = first.unwrap_or_default() + letters.as_str();
    if whole.ends_with('.') {
        whole
    } else {
        whole + "."
    }
}

fn frame(title: &str, content: &str, back: Option<&str>) -> String {
    let title = escaped(title);
    let back = back.map(back_link).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – Countersign</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<main>\n\
         <p class=\"place\">countersign-signer on this computer</p>\n<h1>{title}</h1>\n{content}{back}\
         </main>\n</body>\n</html>\n"
    )
}
