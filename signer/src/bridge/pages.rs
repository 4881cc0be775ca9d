//! The bridge's own pages besides asks: what was paired, and what was refused and what to do about it.
//!
//! Invariant: every text from outside is escaped; nothing is inline, and nothing on them changes anything.

use super::origin::Origin;
use crate::failure::Reason;
use crate::page::back_link;
use policies::words::escaped;

/// A page of words.
pub(super) fn words(title: &str, paragraphs: &[&str], back: Option<&str>) -> String {
    let mut told = String::new();
    for text in paragraphs {
        told += &format!("<p>{}</p>\n", escaped(text));
    }
    frame(title, &told, back, None)
}

/// The page that says what was paired, and has the browser keep its half under a name.
pub(super) fn paired(origin: &Origin, kept: (&str, &str), back: Option<&str>) -> String {
    let told = format!(
        "<p>Pages of {} may open from now on what you are to sign.</p>\n\
         <p>Whatever they open is shown here first, and nothing is signed before you confirm it here. Only this \
         browser may answer; whichever pairs next with these pages takes its place.</p>\n\
         <noscript><p class=\"wrong\">Nothing can be answered in this browser: it runs no JavaScript.</p></noscript>\n",
        escaped(origin.as_str())
    );
    frame("Paired", &told, back, Some(kept))
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
    frame(title, &told, back, None)
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

fn frame(title: &str, content: &str, back: Option<&str>, kept: Option<(&str, &str)>) -> String {
    let title = escaped(title);
    let back = back.map(back_link).unwrap_or_default();
    // The script runs before the title stands there: what says that it is paired, is.
    let (data, script) = match kept {
        Some((name, half)) => (
            format!(
                " data-browser=\"{}\" data-half=\"{}\"",
                escaped(name),
                escaped(half)
            ),
            "<script src=\"/paired.js\"></script>\n",
        ),
        None => (String::new(), ""),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – Countersign</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body{data}>\n<main>\n{script}\
         <p class=\"place\">countersign-signer on this computer</p>\n<h1>{title}</h1>\n{content}{back}\
         </main>\n</body>\n</html>\n"
    )
}
