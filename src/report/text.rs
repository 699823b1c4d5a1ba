//! Hostile text made visible: what a browser or terminal would hide, reorder or obey is spelt out.
//!
//! Evidence can hold anything. A right-to-left override makes `gpj.exe` of `exe.jpg`, a zero-width space makes two
//! equal-looking names differ, an escape sequence clears a terminal. Nothing is dropped: each such character is
//! replaced by its code point in a form that the reader sees.

use std::borrow::Cow;

use serde::Serialize;

/// Code points that no reader sees, or that change how others are seen: control, format and filler characters,
/// variation selectors, tags, and blanks other than U+0020 (Unicode 16, categories Cc, Cf, Zl, Zp, Zs and the fillers).
const HIDDEN: &[(u32, u32)] = &[
    (0x0000, 0x001f),
    (0x007f, 0x00a0),
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x1680, 0x1680),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x206f),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0xfffe, 0xffff),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// Whether a character is invisible or changes how its neighbours are shown.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    let code = u32::from(character);
    // Printable ASCII is nearly all of the text there is.
    !(0x20..0x7f).contains(&code)
        && HIDDEN
            .binary_search_by(|(first, last)| {
                if *last < code {
                    std::cmp::Ordering::Less
                } else if *first > code {
                    std::cmp::Ordering::Greater
                } else {
                    std::cmp::Ordering::Equal
                }
            })
            .is_ok()
}

/// A run of text for a page: as it is, or the code point of one hidden character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// What to print.
    pub text: String,
    /// Whether it stands for a hidden character; pages set such a segment apart, so that text which only looks like a
    /// code point is not taken for one.
    pub hidden: bool,
}

/// Splits text into what can be printed as it is and hidden characters, each spelt `U+202E`.
#[must_use]
pub fn segments(text: &str) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    for character in text.chars() {
        if is_hidden(character) {
            let code = format!("U+{:04X}", u32::from(character));
            found.push(Segment { text: code, hidden: true });
            continue;
        }
        match found.last_mut() {
            Some(last) if !last.hidden => last.text.push(character),
            _ => found.push(Segment { text: character.into(), hidden: false }),
        }
    }
    found
}

/// Text with each hidden character spelt `⟦U+202E⟧`, where no markup can set it apart.
#[must_use]
pub fn marked(text: &str) -> Cow<'_, str> {
    spelt(text, |code, out| {
        let spelt = format!("⟦U+{code:04X}⟧");
        out.push_str(&spelt);
    })
}

/// Text that a terminal prints and does not obey: each hidden character spelt `\u{1b}`.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    spelt(text, |code, out| {
        let spelt = format!("\\u{{{code:x}}}");
        out.push_str(&spelt);
    })
}

fn spelt(text: &str, spell: impl Fn(u32, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            spell(u32::from(character), &mut out);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// The first `limit` characters and how many follow; text is never cut inside a character.
#[must_use]
pub fn head(text: &str, limit: usize) -> (&str, usize) {
    match text.char_indices().nth(limit) {
        Some((at, _)) => {
            let (head, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            (head, rest.chars().count())
        }
        None => (text, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_the_search_finds_all_of_it() {
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn every_control_and_bidi_character_is_hidden_and_plain_text_is_not() {
        for code in (0..0x20).chain(0x7f..0xa1).chain(0x200b..0x2010).chain(0x2028..0x202f) {
            assert!(is_hidden(char::from_u32(code).unwrap()), "U+{code:04X}");
        }
        for plain in "aZ09 ~äß漢🦀⟦⟧".chars() {
            assert!(!is_hidden(plain), "{plain}");
        }
    }

    #[test]
    fn segments_keep_every_character() {
        let found = segments("a\u{202e}b\u{1b}[2J");
        let texts: Vec<&str> = found.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(texts, ["a", "U+202E", "b", "U+001B", "[2J"]);
        assert_eq!(found.iter().filter(|segment| segment.hidden).count(), 2);
        assert!(segments("").is_empty());
    }

    #[test]
    fn a_terminal_gets_no_control_character() {
        assert_eq!(escaped("a\u{1b}[31mb\r\n\u{200b}"), "a\\u{1b}[31mb\\u{d}\\u{a}\\u{200b}");
        assert_eq!(marked("x\u{feff}"), "x⟦U+FEFF⟧");
        assert!(matches!(escaped("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(head("äöü", 2), ("äö", 1));
        assert_eq!(head("äöü", 3), ("äöü", 0));
        assert_eq!(head("", 0), ("", 0));
    }
}
