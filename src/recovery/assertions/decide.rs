//! How an assertion about one object comes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::file::{Among, Assertion, Check, Subject};
use super::look::{Looker, Objects, Place, Seen};
use crate::history::{HistoryError, Json, ObservedObject, Speller};
use crate::index::{ObjectId, canonical};
use crate::model::{AssertionOutcome, CoverageState, Receipt};
use crate::recovery::link_view::LinkView;

/// Elements that are shown of those that decide.
const SHOWN: usize = 100;
/// What is read to say what an object is called.
const NAME: &str = "displayName";

/// How an assertion came out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: AssertionOutcome,
    pub(super) found: Option<String>,
    pub(super) detail: String,
    pub(super) next_export: String,
    pub(super) evidence: Vec<Receipt>,
    pub(super) object: Option<ObjectId>,
    pub(super) name: Option<String>,
}

impl Answer {
    fn new(outcome: AssertionOutcome, found: Option<String>, evidence: Vec<Receipt>) -> Self {
        Self {
            outcome,
            found,
            detail: String::new(),
            next_export: String::new(),
            evidence,
            object: None,
            name: None,
        }
    }

    fn decided(holds: bool, found: Option<String>, evidence: Vec<Receipt>) -> Self {
        let outcome = if holds { AssertionOutcome::Holds } else { AssertionOutcome::Fails };
        Self::new(outcome, found, evidence)
    }

    pub(super) fn holds(detail: String, evidence: Vec<Receipt>) -> Self {
        Self { detail, ..Self::new(AssertionOutcome::Holds, None, evidence) }
    }

    pub(super) fn fails(found: String, detail: String, evidence: Vec<Receipt>) -> Self {
        Self { detail, ..Self::new(AssertionOutcome::Fails, Some(found), evidence) }
    }

    pub(super) fn untold(why: &str, next_export: String) -> Self {
        let untold = Self::new(AssertionOutcome::CannotTell, None, Vec::new());
        Self { detail: why.to_owned(), next_export, ..untold }
    }
}

impl Check {
    /// What it expects, as canonical JSON.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::EqualsSnapshot(word) | Self::State(word) => word.clone(),
            Self::Value(values, true) => values.first().unwrap_or(&Value::Null).to_string(),
            Self::Value(values, false) => Value::Array(values.clone()).to_string(),
            Self::Empty(yes) => yes.to_string(),
            Self::Elements(_, list) => Value::from(list.clone()).to_string(),
        }
    }
}

/// An assertion, asked of one snapshot.
pub(super) struct Asking<'s, 'a> {
    pub(super) looker: &'s Looker<'a>,
    pub(super) assertion: &'s Assertion,
    pub(super) place: Place<'a>,
}

/// A list of texts or links as the snapshot shows it.
struct Held {
    elements: BTreeMap<String, Receipt>,
    whole: bool,
    /// Whether it is a list of links, which are ids.
    of_links: bool,
    receipts: Vec<Receipt>,
}

impl<'a> Asking<'_, 'a> {
    fn object_type(&self) -> &str {
        &self.assertion.object_type
    }

    /// The one object that it speaks of; `Err` with the answer if there is none.
    pub(super) fn subject(
        &self,
        place: Place<'_>,
    ) -> Result<Result<ObjectId, Answer>, HistoryError> {
        let (property, name) = match &self.assertion.object {
            Subject::Id(id) => return Ok(Ok(ObjectId::of(id))),
            Subject::Named(property, name) => (*property, name),
            Subject::All => return Ok(Err(Answer::untold("no object is named", String::new()))),
        };
        let found = self.looker.named(place, (self.object_type(), property), name)?;
        let mut ids = found.into_iter();
        Ok(match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => {
                Err(Answer::untold("several objects of the type have this name", String::new()))
            }
            (None, _) => Err(Answer::untold(
                "no live object of the type has this name in the snapshot",
                String::new(),
            )),
        })
    }

    /// The answer about one object in one snapshot.
    pub(super) fn answer(&self) -> Result<Answer, HistoryError> {
        let id = match self.subject(self.place)? {
            Ok(id) => id,
            Err(answer) => return Ok(answer),
        };
        let mut paths: BTreeSet<Box<str>> = BTreeSet::from([NAME.into()]);
        if !self.assertion.attribute.is_empty() {
            paths.insert(self.assertion.attribute.as_str().into());
        }
        let objects = Objects::from([(id.clone(), paths)]);
        let seen = self.looker.look(self.place, self.object_type(), &objects)?;
        let answer = match &self.assertion.check {
            Check::State(word) => self.state(&seen, &id, word),
            check @ (Check::EqualsSnapshot(_)
            | Check::Value(..)
            | Check::Empty(_)
            | Check::Elements(..)) => match self.present(&seen, &id) {
                Ok(object) => self.checked(&seen, (&id, object), check)?,
                Err(answer) => *answer,
            },
        };
        let name = seen.objects.get(&id).and_then(|object| object.attributes.get(NAME));
        let name = name.and_then(|shown| serde_json::from_str(shown.value.as_deref()?).ok());
        Ok(Answer { object: Some(id), name, ..answer })
    }

    /// An object that is live in the snapshot.
    fn present<'o>(
        &self,
        seen: &'o Seen,
        id: &ObjectId,
    ) -> Result<&'o ObservedObject, Box<Answer>> {
        let answer = match seen.objects.get(id) {
            None => self.absent(id),
            Some(object) if object.of_delta => {
                Answer::untold("nothing but delta pages show the object", self.export(""))
            }
            Some(object) if object.deleted => {
                let (found, detail) = ("in the bin".to_owned(), "the object is deleted".to_owned());
                Answer::fails(found, detail, object.receipts.clone())
            }
            Some(object) => return Ok(object),
        };
        Err(Box::new(answer))
    }

    /// What the silence of a snapshot about an object says.
    fn absent(&self, id: &ObjectId) -> Answer {
        if !self.looker.is_known(self.place.tenant, self.object_type(), id) {
            return Answer::untold(
                "no snapshot shows an object of this type and id",
                String::new(),
            );
        }
        match self.unlisted(self.place) {
            None => {
                Answer::fails("absent".to_owned(), "the object is not there".to_owned(), Vec::new())
            }
            Some(why) => Answer::untold(why, self.export("")),
        }
    }

    /// Why what the live list of the type does not hold may be there all the same.
    pub(super) fn unlisted(&self, place: Place<'_>) -> Option<&'static str> {
        match self.looker.list(place, self.object_type(), false) {
            CoverageState::Collected | CoverageState::Empty => None,
            CoverageState::Partial | CoverageState::Unknown => {
                Some("the list of the type is not whole")
            }
            CoverageState::Denied | CoverageState::NotRequested => {
                Some("the type was not collected")
            }
        }
    }

    fn state(&self, seen: &Seen, id: &ObjectId, expected: &str) -> Answer {
        if let Some(object) = seen.objects.get(id) {
            if object.of_delta {
                return Answer::untold("nothing but delta pages show the object", self.export(""));
            }
            let found = if object.deleted { "in the bin" } else { "live" };
            let receipts = object.receipts.clone();
            return Answer::decided(found == expected, Some(found.to_owned()), receipts);
        }
        let absent = self.absent(id);
        let has_bin = self.looker.catalogue.bin_of(self.object_type()).is_some();
        let bin = self.looker.list(self.place, self.object_type(), true);
        if absent.outcome == AssertionOutcome::Fails
            && expected != "live"
            && has_bin
            && !bin.is_whole()
        {
            let why = "not live, and whether it is in the recycle bin was not collected";
            let bin = self.looker.catalogue.bin_of(self.object_type()).unwrap_or_default();
            return Answer::untold(why, self.next(format!("GET /{bin}")));
        }
        match absent.outcome {
            AssertionOutcome::Fails => {
                Answer::decided(expected == "absent", absent.found, Vec::new())
            }
            AssertionOutcome::Holds | AssertionOutcome::CannotTell => absent,
        }
    }

    fn checked(
        &self,
        seen: &Seen,
        (id, object): (&ObjectId, &ObservedObject),
        check: &Check,
    ) -> Result<Answer, HistoryError> {
        let attribute = self.assertion.attribute.as_str();
        let list = seen.lists.get(&(id.clone(), attribute.into()));
        if self.looker.disagree(self.place, (self.object_type(), &id.to_string(), attribute)) {
            let why = "captures of the snapshot disagree on it";
            return Ok(Answer::untold(why, self.export(attribute)));
        }
        let shown = object.attributes.get(attribute);
        if list.is_none() && shown.is_none() {
            let why = "it was not collected in the snapshot";
            return Ok(Answer::untold(why, self.export(attribute)));
        }
        match (check, list, shown) {
            (Check::Elements(among, named), _, _) => {
                let value = shown.and_then(|shown| shown.value.as_deref());
                let receipts = shown.map(|shown| shown.receipt).into_iter().collect();
                let held = match list {
                    Some(list) => Some(of_links(list)),
                    None => of_text(value, receipts),
                };
                let Some(held) = held else {
                    return Ok(Answer::untold("it is no list of texts", String::new()));
                };
                self.elements(&held, *among, named)
            }
            (Check::Empty(yes), Some(list), _) if list.whole || !list.targets.is_empty() => {
                let held = of_links(list);
                let found = Some(listed(held.elements.keys()));
                let receipts: Vec<Receipt> =
                    held.elements.into_values().chain(held.receipts).collect();
                Ok(Answer::decided(list.targets.is_empty() == *yes, found, receipts))
            }
            (Check::Empty(_), Some(_), _) => {
                Ok(Answer::untold("the list is not whole", self.export(attribute)))
            }
            (Check::Empty(yes), None, Some(shown)) => {
                let found = Some(shown.value.clone().unwrap_or_else(|| "null".to_owned()));
                Ok(Answer::decided(shown.value.is_none() == *yes, found, vec![shown.receipt]))
            }
            (Check::Value(values, _), None, Some(shown)) => {
                let speller = Speller {
                    object_type: self.object_type(),
                    path: attribute,
                    catalogue: self.looker.catalogue,
                };
                let means = |value: &Value| {
                    let parsed = Json::parse(value.to_string().as_bytes()).ok();
                    parsed.is_some_and(|value| speller.meaning(&value) == shown.meaning)
                };
                let found = Some(shown.value.clone().unwrap_or_else(|| "null".to_owned()));
                Ok(Answer::decided(values.iter().any(means), found, vec![shown.receipt]))
            }
            _ => Ok(Answer::untold(
                "links have no value: use within, exactly, includes, none_of or empty",
                String::new(),
            )),
        }
    }

    fn elements(
        &self,
        held: &Held,
        among: Among,
        named: &[String],
    ) -> Result<Answer, HistoryError> {
        let mut forms: Vec<BTreeSet<String>> = Vec::new();
        let mut unknown = 0_usize;
        for text in named {
            let mut form = BTreeSet::from([canonical(text)]);
            if text.contains('@') {
                let users = self.looker.named(self.place, ("user", "userPrincipalName"), text)?;
                unknown += usize::from(held.of_links && users.len() != 1);
                if users.len() == 1 {
                    form.extend(users.iter().map(ToString::to_string));
                }
            }
            forms.push(form);
        }
        let is_named = |element: &&String| forms.iter().any(|form| form.contains(*element));
        let all = || held.elements.keys();
        let extra: Vec<&String> = all().filter(|element| !is_named(element)).collect();
        let hits: Vec<&String> = all().filter(is_named).collect();
        let missing =
            forms.iter().filter(|form| !form.iter().any(|text| held.elements.contains_key(text)));
        let missing = missing.count();
        let (bad, needs_whole): (Option<Vec<&String>>, bool) = match among {
            Among::Within => ((!extra.is_empty()).then_some(extra), true),
            Among::NoneOf => ((!hits.is_empty()).then_some(hits), true),
            Among::Exactly if !extra.is_empty() => (Some(extra), true),
            Among::Exactly | Among::Includes => (
                (missing > 0 && held.whole).then(|| all().collect()),
                missing > 0 || among == Among::Exactly,
            ),
        };
        // A name that stands for nobody may be one of those that are there.
        if unknown > 0 && (among != Among::NoneOf || bad.is_none()) {
            let why = "a name of the list stands for no user of the snapshot, or for several";
            return Ok(Answer::untold(why, String::new()));
        }
        Ok(match bad {
            Some(bad) => {
                let mut receipts: Vec<Receipt> =
                    bad.iter().filter_map(|element| held.elements.get(*element).copied()).collect();
                receipts.extend(held.receipts.iter().copied());
                let detail = match (among, missing) {
                    (Among::Within, _) => format!("{} outside the list", bad.len()),
                    (Among::NoneOf, _) => format!("{} of the list", bad.len()),
                    (_, 0) => format!("{} more than the list", bad.len()),
                    (_, missing) => format!("{missing} of the list missing"),
                };
                Answer::fails(listed(bad.into_iter()), detail, receipts)
            }
            None if needs_whole && !held.whole => {
                Answer::untold("the list is not whole", self.export(&self.assertion.attribute))
            }
            None => {
                let receipts = held.receipts.iter().chain(held.elements.values()).copied();
                Answer::decided(true, Some(listed(all())), receipts.collect())
            }
        })
    }

    /// What would settle it, where it still can be exported.
    pub(super) fn next(&self, request: String) -> String {
        if self.place.is_last { request } else { String::new() }
    }

    /// The request that shows an attribute, a list of links, or the objects of the type.
    pub(super) fn export(&self, attribute: &str) -> String {
        let object_type = self.object_type();
        let Some(path) = self.looker.catalogue.collection_of(object_type) else {
            return self.next(format!("the objects of type {object_type}"));
        };
        let is_link = self.looker.catalogue.relation(object_type, attribute).is_some();
        let member = attribute.split('.').next().unwrap_or_default();
        self.next(match (attribute, is_link) {
            ("", _) => format!("GET /{path}"),
            (_, true) => format!("GET /{path}/{{id}}/{attribute}"),
            (_, false) => format!("GET /{path}?$select=id,{member}"),
        })
    }
}

fn of_links(list: &LinkView) -> Held {
    Held {
        elements: list.targets.iter().map(|(id, receipt)| (id.to_string(), *receipt)).collect(),
        whole: list.whole && !list.of_delta,
        of_links: true,
        receipts: list.receipts.clone(),
    }
}

/// The texts of an attribute: those of its list, or the one that it is.
fn of_text(value: Option<&str>, receipts: Vec<Receipt>) -> Option<Held> {
    let receipt = receipts.first().copied()?;
    let texts = match value.map(serde_json::from_str::<Value>) {
        None => Vec::new(),
        Some(Ok(Value::String(text))) => vec![text],
        Some(Ok(Value::Array(items))) => items
            .into_iter()
            .map(|item| if let Value::String(text) = item { Some(text) } else { None })
            .collect::<Option<Vec<String>>>()?,
        Some(_) => return None,
    };
    let elements = texts.iter().map(|text| (canonical(text), receipt)).collect();
    Some(Held { elements, whole: true, of_links: false, receipts })
}

/// Elements as a JSON array, the first of them if they are many.
pub(super) fn listed<'t>(elements: impl Iterator<Item = &'t String>) -> String {
    let shown: Vec<&String> = elements.take(SHOWN).collect();
    Value::from(shown.into_iter().map(String::as_str).collect::<Vec<_>>()).to_string()
}
