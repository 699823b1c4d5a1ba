//! Objects that PowerShell wrote with `Export-Clixml`: the Microsoft Graph PowerShell SDK's, or custom ones.
//!
//! Habits. A member without value is written as `<Nil/>` whether it is null or was not asked for, and a nested object that
//! was not asked for is written with nothing but such members: neither says anything. Beyond the depth of the export only
//! the name of a type is left of a value: it is lost, and says nothing either. An empty list is a value.
//! Names of members are Graph's with the first letter in upper case; `AdditionalProperties` hold the others as they came.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::super::Sink;
use super::compose::{Composer, number};
use super::xml::{Stop, Token, Tokens, resolve};
use super::{Defect, Format, Ledger};
use crate::directory::Catalogue;

/// Objects that are kept in all.
const MOST_SHARED: usize = 16 * 1024;

/// Lists that lie inside each other before the records begin: `Export-Clixml -InputObject` makes one.
const MOST_LISTS: usize = 8;

/// What a file says once and its objects refer to; each with the source offset of the record that says it, for only those
/// before it may refer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clixml {
    /// By number.
    pub shared: BTreeMap<u64, (u64, Arc<[u8]>)>,
}

impl Clixml {
    /// The object that an element stands for; `offset` is where it begins in source bytes.
    pub(super) fn render(&self, element: &[u8], offset: u64) -> Result<Vec<u8>, Defect> {
        let mut composer = Composer::new(element, self, offset);
        composer.record()
    }

    /// The object of this number, if a record before `offset` holds it.
    pub(super) fn shared(&self, number: u64, offset: u64) -> Option<&Arc<[u8]>> {
        self.shared.get(&number).filter(|(at, _)| *at < offset).map(|(_, json)| json)
    }
}

/// The Graph type of objects of a class of the Microsoft Graph PowerShell SDK.
pub(super) fn type_of_class(class: &str, catalogue: &Catalogue) -> Option<String> {
    let (_, name) = class.rsplit_once("Microsoft.Graph.PowerShell.Models.")?;
    let name = name.strip_prefix("MicrosoftGraph")?;
    catalogue.of_odata_type(name.trim_end_matches(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

/// The objects of a CLIXML file, as they come.
#[derive(Debug)]
pub(super) struct Objects {
    clixml: Clixml,
    /// Shared objects that another record refers to.
    used: BTreeSet<u64>,
    /// Names of classes by their number in the file.
    classes: BTreeMap<u64, String>,
    /// Position of the request of each type; empty for the unknown.
    positions: BTreeMap<String, usize>,
    /// Elements that are open around the records: the root, and lists.
    around: usize,
    ended: bool,
}

impl Objects {
    pub(super) fn recognise(head: &[u8]) -> Option<Self> {
        let mut tokens = Tokens::new(head, 0);
        loop {
            match tokens.next().ok()? {
                Token::Text(text) if text.trim_ascii().is_empty() => {}
                Token::Open { name: b"Objs", .. } => break,
                Token::Text(_) | Token::Open { .. } | Token::Close(_) => return None,
            }
        }
        Some(Self {
            clixml: Clixml::default(),
            used: BTreeSet::new(),
            classes: BTreeMap::new(),
            positions: BTreeMap::new(),
            around: 0,
            ended: false,
        })
    }

    /// What is needed to open the objects again.
    pub(super) fn clixml(mut self) -> Arc<Clixml> {
        self.clixml.shared.retain(|number, _| self.used.contains(number));
        Arc::new(self.clixml)
    }

    pub(super) fn stop(&mut self) {
        self.ended = true;
    }

    pub(super) fn take(
        &mut self,
        text: &[u8],
        last: bool,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> usize {
        if self.ended {
            return text.len();
        }
        let mut tokens = Tokens::new(text, 0);
        loop {
            let start = tokens.position();
            let step = self.step(text, &mut tokens, ledger, sink);
            match step {
                Ok(()) if self.ended => {
                    let rest = text.get(tokens.position()..).unwrap_or_default();
                    if !rest.trim_ascii().is_empty() {
                        self.broken(text, tokens.position(), Stop::Foreign, ledger);
                    }
                    return text.len();
                }
                Ok(()) => {}
                Err(Stop::End) if !last => return start,
                Err(stop) => {
                    self.broken(text, start, stop, ledger);
                    return text.len();
                }
            }
        }
    }

    /// The file breaks off, or goes on as none that PowerShell wrote.
    fn broken(&mut self, text: &[u8], at: usize, stop: Stop, ledger: &mut Ledger<'_>) {
        let (code, cause) = match stop {
            Stop::End => ("truncated-clixml", "the text ends before its last element does"),
            Stop::Foreign => ("invalid-clixml", "markup that PowerShell does not write"),
        };
        if ledger.intake.requests.is_empty() {
            ledger.request(Format::Clixml, None, false);
        }
        ledger.trouble(code, text, at, cause.to_owned());
        ledger.damage();
        self.ended = true;
    }

    /// Reads the next thing at the level of records.
    fn step(
        &mut self,
        text: &[u8],
        tokens: &mut Tokens<'_>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let start = tokens.position();
        match tokens.next()? {
            Token::Text(blank) if blank.trim_ascii().is_empty() => {}
            Token::Text(_) => return Err(Stop::Foreign),
            Token::Open { name: b"Objs", empty, .. } if self.around == 0 => {
                self.around = usize::from(!empty);
                self.ended = empty;
            }
            Token::Close(b"LST" | b"IE" | b"QUE" | b"STK")
                if self.around > 2 && self.around % 2 == 1 =>
            {
                self.around -= 1;
            }
            // What stands behind the list in the object that holds it, up to the end of that.
            Token::Close(b"Obj") if self.around > 1 && self.around.is_multiple_of(2) => {
                self.around -= 1;
            }
            Token::Open { empty, .. } if self.around > 0 && self.around.is_multiple_of(2) => {
                if !empty {
                    tokens.pass()?;
                }
            }
            Token::Close(b"Objs") if self.around == 1 => self.ended = true,
            Token::Close(_) => return Err(Stop::Foreign),
            Token::Open { .. } if self.around == 0 => return Err(Stop::Foreign),
            Token::Open { name, empty, .. } => {
                if name == b"Obj" && !empty && self.around < 2 * MOST_LISTS {
                    let mut inside = tokens.clone();
                    if self.opens_list(&mut inside)? {
                        *tokens = inside;
                        self.around += 2;
                        return Ok(());
                    }
                }
                if !empty {
                    tokens.pass()?;
                }
                self.element(text, start..tokens.position(), ledger, sink);
            }
        }
        Ok(())
    }

    /// Whether an object is a list, so that the records are its items.
    fn opens_list(&mut self, inside: &mut Tokens<'_>) -> Result<bool, Stop> {
        loop {
            match inside.next()? {
                Token::Text(_) | Token::Open { name: b"TNRef", .. } => {}
                Token::Open { name: b"TN", attributes, empty: false } => {
                    self.learn_class(attributes, inside)?;
                }
                Token::Open { name: b"LST" | b"IE" | b"QUE" | b"STK", empty, .. } => {
                    return Ok(!empty);
                }
                Token::Open { .. } | Token::Close(_) => return Ok(false),
            }
        }
    }

    /// The class that `<TN>` names first, remembered by its number.
    fn learn_class(
        &mut self,
        attributes: &[u8],
        inside: &mut Tokens<'_>,
    ) -> Result<Option<String>, Stop> {
        let mut class = None;
        loop {
            match inside.next()? {
                Token::Close(b"TN") => break,
                Token::Text(text) if !text.trim_ascii().is_empty() => {
                    class = class.or_else(|| resolve(text));
                }
                Token::Text(_) | Token::Open { .. } | Token::Close(_) => {}
            }
        }
        if let (Some(number), Some(class)) = (number(attributes), &class) {
            self.classes.entry(number).or_insert_with(|| class.clone());
        }
        Ok(class)
    }

    /// The class of an object that was read whole; those that its members name first are remembered too.
    fn class_of(&mut self, element: &[u8]) -> Option<String> {
        let mut tokens = Tokens::new(element, 0);
        let (mut depth, mut own) = (0_usize, None);
        while let Ok(token) = tokens.next() {
            match token {
                Token::Open { name: b"TN", attributes, empty: false } => {
                    let class = self.learn_class(attributes, &mut tokens).ok()?;
                    own = if depth == 1 { own.or(class) } else { own };
                }
                Token::Open { name: b"TNRef", attributes, empty: true } => {
                    let class = number(attributes).and_then(|number| self.classes.get(&number));
                    own = if depth == 1 { own.or_else(|| class.cloned()) } else { own };
                }
                Token::Open { empty: false, .. } => depth += 1,
                Token::Close(_) => depth = depth.saturating_sub(1),
                Token::Open { empty: true, .. } | Token::Text(_) => {}
            }
        }
        own
    }

    fn element(
        &mut self,
        text: &[u8],
        span: Range<usize>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) {
        ledger.intake.tally.seen += 1;
        let element = text.get(span.clone()).unwrap_or_default();
        if !element.starts_with(b"<Obj") {
            return ledger.set_aside("scalar-text");
        }
        let class = self.class_of(element);
        let object_type = class.and_then(|class| type_of_class(&class, ledger.catalogue));
        let key = object_type.clone().unwrap_or_default();
        let position = *self
            .positions
            .entry(key)
            .or_insert_with(|| ledger.request(Format::Clixml, object_type.as_deref(), false));
        let source = ledger.source(text, &span);
        let mut composer = Composer::new(element, &self.clixml, source.start);
        let rendered = composer.record();
        let Composer { own, used, .. } = composer;
        self.used.extend(used);
        match rendered {
            Ok(json) => ledger.deliver(position, &json, &source, sink),
            Err(defect) => ledger.quarantine(text, &span, defect),
        }
        for (number, json) in own {
            if self.clixml.shared.len() >= MOST_SHARED {
                break;
            }
            self.clixml.shared.entry(number).or_insert((source.start, json));
        }
    }
}
