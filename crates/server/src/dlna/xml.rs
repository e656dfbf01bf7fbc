//! Texts of strangers on their way into XML.

/// Longer names are cut: televisions show a line of them, and some fail on more.
const MAX_TEXT_CHARS: usize = 200;

/// A name as the text of an element or the value of an attribute: bounded, escaped, and without what XML can't hold.
pub(super) fn text(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len().min(4 * MAX_TEXT_CHARS));
    for char in name.chars().filter(|char| is_shown(*char)).take(MAX_TEXT_CHARS) {
        push_escaped(&mut escaped, char);
    }
    escaped
}

/// A whole document as the text of an element: nothing is left out.
pub(super) fn nested(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len() + document.len() / 4);
    for char in document.chars() {
        push_escaped(&mut escaped, char);
    }
    escaped
}

fn push_escaped(escaped: &mut String, char: char) {
    match char {
        '&' => escaped.push_str("&amp;"),
        '<' => escaped.push_str("&lt;"),
        '>' => escaped.push_str("&gt;"),
        '"' => escaped.push_str("&quot;"),
        '\'' => escaped.push_str("&apos;"),
        _ => escaped.push(char),
    }
}

/// Controls and noncharacters are no XML at all; the marks that turn the direction of writing make one name look like another.
fn is_shown(char: char) -> bool {
    !char.is_control()
        && !matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        && !matches!(char, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_text() {
        assert_eq!(text("a<b>&\"c\"'\0\u{1b}\r\n\u{202e}\u{ffff}é"), "a&lt;b&gt;&amp;&quot;c&quot;&apos;é");
        assert_eq!(text("]]>"), "]]&gt;");
        assert_eq!(text(&"ä".repeat(1000)).chars().count(), MAX_TEXT_CHARS);
    }

    #[test]
    fn a_nested_document_comes_back_whole() {
        let document = "<a b=\"1\">x &amp; y</a>";
        assert_eq!(nested(document), "&lt;a b=&quot;1&quot;&gt;x &amp;amp; y&lt;/a&gt;");
    }
}
