//! How a page shows values: short at first sight, whole behind a fold, and never cut without saying by how much.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::{Change, DifferingAttribute};
use crate::report::{text, words};

/// Characters of a line that are seen at once.
const LINE: usize = 160;
/// Lines that are seen at once.
const LINES: usize = 4;
/// Characters of a value that the page holds: enough for a policy with hundreds of ids; what is longer (a certificate
/// list, a hostile megabyte) stands in `changes.csv` and the page says so.
const WHOLE: usize = 20_000;
/// Characters of a name or id that the page holds.
const NAME: usize = 240;

/// Text from the evidence, split so that hidden characters can be set apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Text(Vec<text::Segment>);

impl Text {
    pub(super) fn new(raw: &str) -> Self {
        Self(text::segments(raw))
    }

    /// A name, id or path: cut where it is absurdly long, and said so.
    pub(super) fn name(raw: &str) -> Self {
        Self::cut(raw, NAME)
    }

    /// Text of a length that the page can hold: what is cut is said.
    pub(super) fn cut(raw: &str, limit: usize) -> Self {
        match text::head(raw, limit) {
            (_, 0) => Self::new(raw),
            (head, more) => {
                let more = words::counted(words::length(more), "more character", "more characters");
                Self::new(&format!("{head}… ({more})"))
            }
        }
    }
}

/// One side of a change: what was, or what is.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    /// `minus`, `plus`, or `none` where there is no value.
    class: &'static str,
    /// A sign that needs no colour.
    sign: &'static str,
    label: &'static str,
    lines: Vec<Text>,
    more: Option<More>,
}

/// What is behind the fold.
#[derive(Debug, Serialize)]
pub(super) struct More {
    label: String,
    lines: Vec<Text>,
    /// What even the fold leaves out, or empty.
    omitted: String,
}

fn elements(json: &str) -> Vec<String> {
    match serde_json::from_str::<Vec<&RawValue>>(json) {
        Ok(list) if !list.is_empty() => list.iter().map(|item| item.get().to_owned()).collect(),
        _ => vec![json.to_owned()],
    }
}

fn fold(label: String, all: &[String]) -> More {
    let mut left = WHOLE;
    let mut lines = Vec::new();
    let mut lost = 0;
    for line in all {
        let (head, more) = text::head(line, left);
        left -= head.chars().count();
        lost += more;
        if !head.is_empty() {
            lines.push(Text::new(head));
        }
    }
    let omitted = match lost {
        0 => String::new(),
        lost => format!(
            "{} not shown here; the whole value is in changes.csv",
            words::counted(words::length(lost), "more character", "more characters")
        ),
    };
    More { label, lines, omitted }
}

fn side(look: (&'static str, &'static str, &'static str), json: Option<&str>) -> Side {
    let (class, sign, label) = look;
    let Some(json) = json else {
        let lines = vec![Text::new("no value")];
        return Side { class: "none", sign, label, lines, more: None };
    };
    let all = elements(json);
    let long = all.iter().any(|line| text::head(line, LINE).1 > 0);
    let more = (all.len() > LINES || long).then(|| {
        let label = match all.len() {
            1 => "whole value".to_owned(),
            count => format!("all {}", words::number(words::length(count))),
        };
        fold(label, &all)
    });
    let lines = all.iter().take(LINES).map(|line| Text::cut(line, LINE)).collect();
    Side { class, sign, label, lines, more }
}

/// The values of a change: elements lost and gained where the table tells them, before and after otherwise.
pub(super) fn sides(change: &Change) -> Vec<Side> {
    let lost =
        change.removed.as_deref().map(|json| side(("minus", "\u{2212}", "lost"), Some(json)));
    let gained = change.added.as_deref().map(|json| side(("plus", "+", "gained"), Some(json)));
    if lost.is_some() || gained.is_some() {
        return [lost, gained].into_iter().flatten().collect();
    }
    if change.before.is_none() && change.after.is_none() {
        return Vec::new();
    }
    vec![
        side(("minus", "\u{2212}", "before"), change.before.as_deref()),
        side(("plus", "+", "after"), change.after.as_deref()),
    ]
}

/// The values of an attribute of a difference report, likewise.
pub(super) fn differing(attribute: &DifferingAttribute) -> Vec<Side> {
    let look = |minus: bool| if minus { ("minus", "\u{2212}") } else { ("plus", "+") };
    let one = |minus: bool, label: &'static str, json: Option<&str>| {
        let (class, sign) = look(minus);
        side((class, sign, label), json)
    };
    match (attribute.removed.as_deref(), attribute.added.as_deref()) {
        (None, None) => vec![
            one(true, "backup", attribute.backup.as_deref()),
            one(false, "current", attribute.current.as_deref()),
        ],
        (lost, gained) => [
            lost.map(|json| one(true, "lost", Some(json))),
            gained.map(|json| one(false, "gained", Some(json))),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// The whole lists behind elements lost and gained.
pub(super) fn wholes(change: &Change) -> Vec<More> {
    if change.added.is_none() && change.removed.is_none() {
        return Vec::new();
    }
    // A list that was empty before, or is now, holds nothing that was not said already.
    let whole = |label: &str, json: Option<&String>, said: Option<&String>| {
        let all = elements(json.filter(|json| Some(*json) != said)?);
        let count = words::counted(words::length(all.len()), "element", "elements");
        Some(fold(format!("whole list {label}, {count}"), &all))
    };
    [
        whole("before", change.before.as_ref(), change.removed.as_ref()),
        whole("after", change.after.as_ref(), change.added.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_long_list_is_folded_and_a_huge_one_says_what_is_missing() {
        let mut change = fixture::modified("user", "u", "a");
        let huge = "x".repeat(30_000);
        change.before = Some(format!("\"{huge}\""));
        change.after = Some("[1,2,3,4,5,6]".to_owned());
        let sides = sides(&change);
        let before = sides[0].more.as_ref().unwrap();
        assert!(before.omitted.starts_with("10,002 more characters"), "{}", before.omitted);
        assert_eq!(sides[1].lines.len(), LINES);
        assert_eq!(sides[1].more.as_ref().unwrap().lines.len(), 6);
        assert_eq!(sides[1].more.as_ref().unwrap().label, "all 6");
    }

    #[test]
    fn no_value_is_said() {
        let mut change = fixture::modified("user", "u", "a");
        change.after = None;
        assert_eq!(sides(&change)[1].class, "none");
        change.before = None;
        assert!(sides(&change).is_empty());
    }
}
