//! The tags and texts of an XML file as PowerShell writes it: elements, attributes, character references. Anything else
//! that XML knows (comments, CDATA, document types, entities) has no place there and is a defect, not an adventure.

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `<Name …>`, or `<Name …/>` if `empty`.
    Open { name: &'a [u8], attributes: &'a [u8], empty: bool },
    /// `</Name>`
    Close(&'a [u8]),
    /// What stands between tags.
    Text(&'a [u8]),
}

/// Why there is no next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends inside a tag or before one.
    End,
    /// Something that PowerShell does not write.
    Foreign,
}

/// A text being read.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    /// Where the next token begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next token; `<?xml …?>` is passed over.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Stop> {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(first) = rest.first() else { return Err(Stop::End) };
            if *first != b'<' {
                let length = memchr::memchr(b'<', rest).ok_or(Stop::End)?;
                self.at += length;
                return Ok(Token::Text(rest.get(..length).unwrap_or_default()));
            }
            let inside = tag(rest)?;
            self.at += inside.len() + 2;
            match inside.first() {
                Some(b'?') => {}
                Some(b'!') | None => return Err(Stop::Foreign),
                Some(b'/') => {
                    return Ok(Token::Close(inside.get(1..).unwrap_or_default().trim_ascii()));
                }
                Some(_) => {
                    let empty = inside.ends_with(b"/");
                    let inside = inside.strip_suffix(b"/").unwrap_or(inside);
                    let end =
                        inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
                    let (name, attributes) = inside.split_at_checked(end).ok_or(Stop::Foreign)?;
                    return Ok(Token::Open { name, attributes, empty });
                }
            }
        }
    }

    /// Passes over the rest of an element whose opening tag was read, however deep it is.
    pub(super) fn pass(&mut self) -> Result<(), Stop> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()? {
                Token::Open { empty: false, .. } => depth += 1,
                Token::Close(_) => depth -= 1,
                Token::Open { empty: true, .. } | Token::Text(_) => {}
            }
        }
        Ok(())
    }
}

/// What stands between `<` and its `>`, quotes respected.
fn tag(text: &[u8]) -> Result<&[u8], Stop> {
    let mut quote = None;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match (quote, *byte) {
            (None, b'>') => return text.get(1..at).ok_or(Stop::End),
            (None, b'<') => return Err(Stop::Foreign),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    Err(Stop::End)
}

/// The value of an attribute, as written.
pub(super) fn attribute<'a>(attributes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_ascii_start();
        let equals = memchr::memchr(b'=', rest)?;
        let (key, behind) = rest.split_at_checked(equals)?;
        let behind = behind.get(1..)?.trim_ascii_start();
        let (quote, inner) = behind.split_first()?;
        let end = memchr::memchr(*quote, inner)?;
        if key.trim_ascii() == name.as_bytes() {
            return inner.get(..end);
        }
        rest = inner.get(end + 1..)?;
    }
}

/// A text with its character references resolved, and `_xHHHH_` as PowerShell writes what XML cannot hold; `None` where
/// it is no text.
pub(super) fn resolve(raw: &[u8]) -> Option<String> {
    let raw = std::str::from_utf8(raw).ok()?;
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at)?);
        let (name, behind) = rest.get(at + 1..)?.split_once(';')?;
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = name.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = behind;
    }
    out.push_str(rest);
    Some(if out.contains("_x") { unescape(&out) } else { out })
}

/// Resolves `_xHHHH_`; pairs of surrogates become one character, half of one is left as written.
fn unescape(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 7)?.strip_prefix("_x")?.strip_suffix('_')?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let pair = unit(at).map(|first| (first, unit(at + 7)));
        let units = match pair {
            Some((first, Some(second))) if (0xD800..0xDC00).contains(&first) => vec![first, second],
            Some((first, _)) => vec![first],
            None => Vec::new(),
        };
        match (units.len(), String::from_utf16(&units)) {
            (1.., Ok(found)) => {
                out.push_str(&found);
                at += 7 * units.len();
            }
            _ => {
                out.push(character);
                at += character.len_utf8();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_texts() {
        let text = br#"<?xml version="1.0"?><S N="a>b" RefId = '7'>x &lt;&#x41;_x000D_</S><Nil/>"#;
        let mut tokens = Tokens::new(text, 0);
        let Ok(Token::Open { name: b"S", attributes, empty: false }) = tokens.next() else {
            panic!("no opening tag")
        };
        assert_eq!(attribute(attributes, "N"), Some(b"a>b".as_slice()));
        assert_eq!(attribute(attributes, "RefId"), Some(b"7".as_slice()));
        assert_eq!(attribute(attributes, "M"), None);
        let Ok(Token::Text(inner)) = tokens.next() else { panic!("no text") };
        assert_eq!(resolve(inner).as_deref(), Some("x <A\r"));
        assert_eq!(tokens.next(), Ok(Token::Close(b"S")));
        assert_eq!(tokens.next(), Ok(Token::Open { name: b"Nil", attributes: b"", empty: true }));
        assert_eq!(tokens.next(), Err(Stop::End));
    }

    #[test]
    fn what_powershell_does_not_write_is_refused() {
        for text in ["<!DOCTYPE x [<!ENTITY a \"b\">]>", "<![CDATA[x]]>", "<!-- x -->", "<a <b>"] {
            assert_eq!(Tokens::new(text.as_bytes(), 0).next(), Err(Stop::Foreign), "{text}");
        }
        assert_eq!(resolve(b"&unknown;"), None);
        assert_eq!(resolve(b"a & b"), None);
    }

    #[test]
    fn escapes_of_utf16_units() {
        assert_eq!(unescape("_xD83D__xDE00_ _xD83D_ _x00_ é_"), "😀 _xD83D_ _x00_ é_");
    }
}
