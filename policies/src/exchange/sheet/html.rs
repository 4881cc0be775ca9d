//! The sheet as one HTML file, to print from any browser.

use super::{Line, Part};
use crate::words::escaped;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

const STYLE: &str = "<style>\n\
body { font: 11pt/1.45 serif; color: #000; background: #fff; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }\n\
h1 { font-size: 16pt; } h2 { font-size: 12pt; margin: 1.2rem 0 0.3rem; break-after: avoid; }\n\
p { margin: 0.2rem 0; } dt { font-style: italic; } dd { margin: 0 0 0.4rem 1rem; break-inside: avoid; }\n\
code { font: 10pt/1.4 monospace; overflow-wrap: anywhere; }\n\
@media print { body { margin: 0; max-width: none; } }\n\
</style>\n";

pub(super) fn page(heading: &str, parts: &[Part]) -> String {
    let heading = escaped(heading);
    let mut out =
        format!("{HEAD}<title>{heading}</title>\n{STYLE}</head>\n<body>\n<h1>{heading}</h1>\n");
    for part in parts {
        out += &format!("<h2>{}</h2>\n", escaped(part.title));
        let mut open = "";
        for line in &part.lines {
            let (list, item) = item_of(line);
            if list != open {
                out += &closing(open);
                out += &opening(list);
                open = list;
            }
            out += &item;
        }
        out += &closing(open);
    }
    out += "</body>\n</html>\n";
    out
}

/// The list that a line stands in, and the line.
fn item_of(line: &Line) -> (&'static str, String) {
    match line {
        Line::Said(text) => ("", format!("<p>{}</p>\n", escaped(text))),
        Line::Step(text) => ("ol", format!("<li>{}</li>\n", escaped(text))),
        Line::Copied { name, text } => (
            "dl",
            format!(
                "<dt>{}</dt><dd><code>{}</code></dd>\n",
                escaped(name),
                escaped(text)
            ),
        ),
    }
}

fn opening(list: &str) -> String {
    if list.is_empty() {
        String::new()
    } else {
        format!("<{list}>\n")
    }
}

fn closing(list: &str) -> String {
    if list.is_empty() {
        String::new()
    } else {
        format!("</{list}>\n")
    }
}
