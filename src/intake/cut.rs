//! Cuts a text that is too large to be held into pieces of whole records. It follows nothing but brackets, strings and
//! escapes; what the pieces hold is read as everything else is.

use std::ops::Range;

use super::record::MAX_RECORD_BYTES;
use super::scan::plain_run;
use crate::evidence::{Encoding, SourceOffsets};

/// Size from which a piece is handed on.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// What the list of records of a text is called: by Graph, by an Event Hub, in a configuration snapshot.
const LISTS: [&[u8]; 3] = [b"\"value\"", b"\"records\"", b"\"resources\""];

/// What was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Whole JSON texts, one after another.
    Texts(Range<usize>),
    /// The part of a text that stands before its list of records, with the list's opening bracket.
    Opening(Range<usize>),
    /// Whole items of the list, commas between them.
    Items(Range<usize>),
    /// The part of a text that stands behind its list of records, from the list's closing bracket on.
    Closing(Range<usize>),
    /// A record that is larger than any record may be: where it stands in the source.
    TooLarge(Range<u64>),
}

/// Where the cutter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Between or in texts; records are texts.
    Texts,
    /// In a list of records that lie this deep.
    Items(usize),
    /// Behind the list, in the text that holds it.
    Envelope,
}

/// Cuts a decoded text that is fed to it part by part.
#[derive(Debug)]
pub struct Cutter {
    text: Vec<u8>,
    /// Where `text` begins in the source.
    base: SourceOffsets,
    /// What of `text` was looked at.
    at: usize,
    /// What of `text` is whole records.
    whole: usize,
    within: Within,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The list of records of the text that is open.
    list: Option<usize>,
    /// Where a record begins that is passed over because it is too large.
    skipping: Option<u64>,
}

impl Cutter {
    /// A cutter for a text that begins at byte `start` of its source.
    #[must_use]
    pub fn new(encoding: Encoding, start: u64) -> Self {
        Self {
            text: Vec::new(),
            base: SourceOffsets::new(encoding, start),
            at: 0,
            whole: 0,
            within: Within::Texts,
            depth: 0,
            in_string: false,
            escaped: false,
            list: None,
            skipping: None,
        }
    }

    /// The source offset of a place in [`Cutter::text`].
    #[must_use]
    pub fn source_offset(&self, at: usize) -> u64 {
        self.base.source_offset(&self.text, at)
    }

    /// The bytes that ranges of pieces refer to, until the cutter is fed again.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes in the next part of the text; `fill` appends to it. Call [`Cutter::next`] until it gives nothing.
    pub fn feed(&mut self, fill: &mut dyn FnMut(&mut Vec<u8>)) {
        fill(&mut self.text);
    }

    /// The next piece, if a whole one is there; `last` says that no text follows.
    pub fn next(&mut self, last: bool) -> Option<Piece> {
        loop {
            // An array at the top has no envelope: nothing but its bracket follows.
            if self.within == Within::Envelope && self.depth == 0 {
                return Some(self.close_envelope());
            }
            if let Some(piece) = self.advance() {
                return Some(piece);
            }
            if self.at < self.text.len() {
                continue;
            }
            if self.skipping.is_some() {
                self.drop_to(self.text.len());
                return last.then(|| self.end_skipping()).flatten();
            }
            let ready = self.whole >= PIECE_BYTES || (last && self.whole > 0);
            if ready {
                return Some(self.records());
            }
            if let Some(piece) = self.grown_too_large() {
                return Some(piece);
            }
            let rest = 0..self.text.len();
            return (last && !rest.is_empty()).then(|| self.remainder(rest));
        }
    }

    /// Forgets the bytes before `end`; call it when a piece was dealt with.
    pub fn consume(&mut self, piece: &Piece) {
        let end = match piece {
            Piece::Texts(range)
            | Piece::Opening(range)
            | Piece::Items(range)
            | Piece::Closing(range) => range.end,
            Piece::TooLarge(_) => return,
        };
        self.drop_to(end);
    }

    fn drop_to(&mut self, end: usize) {
        let end = end.min(self.text.len());
        self.base.forget(&self.text, end);
        self.text.drain(..end);
        self.at = self.at.saturating_sub(end);
        self.whole = self.whole.saturating_sub(end);
        self.list = self.list.and_then(|list| list.checked_sub(end));
    }

    fn records(&self) -> Piece {
        match self.within {
            Within::Texts => Piece::Texts(0..self.whole),
            Within::Items(_) => Piece::Items(0..self.whole),
            Within::Envelope => Piece::Closing(0..self.whole),
        }
    }

    /// What is left at the end of a text that breaks off.
    fn remainder(&mut self, rest: Range<usize>) -> Piece {
        match self.within {
            Within::Texts => Piece::Texts(rest),
            Within::Items(_) => Piece::Items(rest),
            Within::Envelope => Piece::Closing(rest),
        }
    }

    /// A text or record that fills more than a piece: its list of records is cut into, or it is passed over.
    fn grown_too_large(&mut self) -> Option<Piece> {
        let open = self.text.len() - self.whole;
        if open < PIECE_BYTES {
            return None;
        }
        if let (Within::Texts, 0, Some(list)) = (self.within, self.whole, self.list) {
            let first = self.text.iter().find(|byte| !byte.is_ascii_whitespace());
            let depth = if first == Some(&b'[') { 1 } else { 2 };
            self.within = Within::Items(depth);
            self.restart(list + 1, depth);
            return Some(Piece::Opening(0..list + 1));
        }
        if open > MAX_RECORD_BYTES {
            let blanks = self
                .text
                .iter()
                .skip(self.whole)
                .take_while(|byte| byte.is_ascii_whitespace() || **byte == b',');
            self.skipping = Some(self.source_offset(self.whole + blanks.count()));
            if self.whole > 0 {
                return Some(self.records());
            }
        }
        None
    }

    /// Looks again at what stands behind the opening of a list.
    fn restart(&mut self, at: usize, depth: usize) {
        self.at = at;
        self.whole = at;
        self.depth = depth;
        self.in_string = false;
        self.escaped = false;
    }

    fn end_skipping(&mut self) -> Option<Piece> {
        let start = self.skipping.take()?;
        Some(Piece::TooLarge(start..self.source_offset(self.at)))
    }

    /// Goes on until a piece is whole or the text ends.
    fn advance(&mut self) -> Option<Piece> {
        while let Some(byte) = self.text.get(self.at).copied() {
            if self.in_string {
                self.pass_string();
                continue;
            }
            self.at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.open(byte),
                b'}' | b']' => {
                    if let Some(piece) = self.close() {
                        return Some(piece);
                    }
                }
                b',' if self.within == Within::Items(self.depth) => {
                    if self.skipping.is_some() {
                        self.at -= 1;
                        return self.stop_skipping();
                    }
                    self.whole = self.at - 1;
                }
                _ => {}
            }
            if self.whole >= PIECE_BYTES && self.skipping.is_none() {
                return Some(self.records());
            }
        }
        None
    }

    /// The record that was passed over ends where the cutter stands.
    fn stop_skipping(&mut self) -> Option<Piece> {
        let piece = self.end_skipping();
        self.whole = 0;
        let at = self.at;
        self.drop_to(at);
        piece
    }

    fn pass_string(&mut self) {
        if self.escaped {
            self.escaped = false;
            self.at += 1;
            return;
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += plain_run(rest);
        match self.text.get(self.at) {
            Some(b'"') => {
                self.in_string = false;
                self.at += 1;
            }
            Some(b'\\') => {
                self.escaped = true;
                self.at += 1;
            }
            // A control character: a defect that reading names.
            Some(_) => self.at += 1,
            None => {}
        }
    }

    fn open(&mut self, bracket: u8) {
        self.depth += 1;
        let of_texts = self.within == Within::Texts && self.list.is_none();
        if !of_texts || bracket != b'[' || self.skipping.is_some() {
            return;
        }
        let here = self.at - 1;
        let own = self.text.get(self.whole..here).unwrap_or_default();
        let is_value = || {
            let key = own.trim_ascii_end().strip_suffix(b":").map(<[u8]>::trim_ascii_end);
            key.is_some_and(|key| LISTS.iter().any(|list| key.ends_with(list)))
        };
        if self.depth == 1 || (self.depth == 2 && is_value()) {
            self.list = Some(here);
        }
    }

    fn close(&mut self) -> Option<Piece> {
        self.depth = self.depth.saturating_sub(1);
        match self.within {
            Within::Texts if self.depth == 0 => {
                self.list = None;
                if self.skipping.is_some() {
                    return self.stop_skipping();
                }
                self.whole = self.at;
                None
            }
            Within::Items(depth) if self.depth < depth => {
                // The list is closed: its last items, and then the rest of the text that holds it.
                if self.skipping.is_some() {
                    self.at -= 1;
                    self.depth += 1;
                    return self.stop_skipping();
                }
                self.within = Within::Envelope;
                self.whole = 0;
                Some(Piece::Items(0..self.at - 1))
            }
            Within::Envelope if self.depth == 0 => Some(self.close_envelope()),
            Within::Texts | Within::Items(_) | Within::Envelope => None,
        }
    }

    fn close_envelope(&mut self) -> Piece {
        self.within = Within::Texts;
        self.list = None;
        Piece::Closing(0..self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is cut off, with every piece as text, fed so many bytes at a time.
    fn cut(text: &str, step: usize) -> Vec<(&'static str, String)> {
        let mut cutter = Cutter::new(Encoding::Utf8, 0);
        let mut found = Vec::new();
        let mut chunks = text.as_bytes().chunks(step).peekable();
        while let Some(chunk) = chunks.next() {
            cutter.feed(&mut |buffer| buffer.extend_from_slice(chunk));
            while let Some(piece) = cutter.next(chunks.peek().is_none()) {
                let (name, range) = match &piece {
                    Piece::Texts(range) => ("texts", range.clone()),
                    Piece::Opening(range) => ("opening", range.clone()),
                    Piece::Items(range) => ("items", range.clone()),
                    Piece::Closing(range) => ("closing", range.clone()),
                    Piece::TooLarge(range) => {
                        found.push(("too large", format!("{range:?}")));
                        continue;
                    }
                };
                found.push((name, String::from_utf8(cutter.text()[range].to_vec()).unwrap()));
                cutter.consume(&piece);
            }
        }
        found
    }

    fn joined(pieces: &[(&'static str, String)]) -> String {
        pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    fn record(number: usize) -> String {
        format!(r#"{{"id":"{number}","v":["]","\\",{{"value":[{}]}}]}}"#, "7,".repeat(2000) + "7")
    }

    #[test]
    fn a_page_is_cut_into_its_records() {
        let records: Vec<String> = (0..3000).map(record).collect();
        let page =
            format!(r#"{{"@odata.context":"c","value" : [{}],"n":[1]}} "#, records.join(" ,"));
        for step in [977, 1 << 16, 3 << 20] {
            let pieces = cut(&page, step);
            assert_eq!(joined(&pieces), page);
            assert_eq!(pieces[0], ("opening", r#"{"@odata.context":"c","value" : ["#.to_owned()));
            assert!(pieces.contains(&("closing", r#"],"n":[1]}"#.to_owned())));
            assert!(pieces.iter().filter(|(name, _)| *name == "items").count() > 1);
        }
    }

    #[test]
    fn lines_and_arrays_are_cut_between_records() {
        let records: Vec<String> = (0..3000).map(record).collect();
        let lines = records.join("\n");
        let pieces = cut(&lines, 1 << 16);
        assert_eq!(joined(&pieces), lines);
        assert!(pieces.len() > 1 && pieces.iter().all(|(name, _)| *name == "texts"));
        assert!(pieces.iter().all(|(_, text)| text.trim().ends_with("}]}")));
        let array = format!("[{}]\n[1]", records.join(","));
        let pieces = cut(&array, 1 << 16);
        assert_eq!(joined(&pieces), array);
        assert_eq!(pieces.last().unwrap().0, "texts");
        assert!(pieces.contains(&("closing", "]".to_owned())));
    }

    #[test]
    fn a_giant_is_passed_over_and_its_neighbours_are_not() {
        let giant = format!(r#"{{"id":"g","v":"{}"}}"#, "x\\n".repeat(30_000_000));
        for text in [
            format!("[{{\"id\":1}},{giant},{{\"id\":2}}]"),
            format!("[{{\"id\":1}},{{\"id\":2}},{giant}]"),
            format!("{{\"id\":1}}\n{giant}\n{{\"id\":2}}"),
        ] {
            let pieces = cut(&text, 1 << 20);
            let start = text.find(&giant).unwrap();
            let span = format!("{:?}", start..start + giant.len());
            assert!(
                pieces.contains(&("too large", span)),
                "{:?}",
                pieces.iter().map(|p| p.0).collect::<Vec<_>>()
            );
            let rest = joined(
                &pieces.into_iter().filter(|(name, _)| *name != "too large").collect::<Vec<_>>(),
            );
            assert!(rest.contains("{\"id\":1}") && rest.contains("{\"id\":2}"));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_bytes(text in r#"[ \[\]{},:"\\a]{0,60}"#, step in 1_usize..20) {
            let pieces = cut(&text, step);
            prop_assert_eq!(joined(&pieces), text);
        }
    }
}
