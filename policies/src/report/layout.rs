//! Breaking text into lines of at most 80 columns.

/// The widest line.
pub(super) const COLUMNS: usize = 80;

/// Breaks a text at spaces, or inside words longer than a line, each line after an indent.
pub(crate) fn wrap(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let used = line.chars().count();
            let gap = usize::from(!empty);
            if used + gap + word.len() <= COLUMNS {
                if !empty {
                    line.push(' ');
                }
                line.extend(&word);
                empty = false;
                break;
            }
            if empty {
                let room = COLUMNS.saturating_sub(used).max(1).min(word.len());
                line.extend(word.drain(..room));
            }
            out.push_str(&line);
            out.push('\n');
            rest.clone_into(&mut line);
            empty = true;
        }
    }
    out.push_str(&line);
    out.push('\n');
    out
}
