//! How a text stands in HTML, letter for letter.

/// Writes a text so that HTML takes it for nothing but text, in content and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_takes_a_text_for_nothing_but_text() {
        assert_eq!(
            escaped("<a href=\"x\" id='y'>&amp; é 😀"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp; é 😀"
        );
    }
}
