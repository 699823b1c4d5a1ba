//! Property paths of several views of one object: where one has a value and another an object, they are brought to one depth.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::attributes::strip_bin_prefix;
use super::value::{Attributes, Json, Speller, attributes, collapse};
use crate::directory::Catalogue;

/// Whether there is an attribute below the path.
pub(super) fn has_members(attributes: &Attributes, path: &str) -> bool {
    let prefix = format!("{path}.");
    attributes
        .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
        .next()
        .is_some_and(|(name, _)| name.starts_with(&prefix))
}

/// All leaf paths of all views, without those that another view descends into.
pub(super) fn leaf_paths<'a>(views: impl Iterator<Item = &'a Attributes>) -> BTreeSet<Box<str>> {
    let all: BTreeSet<Box<str>> = views.flat_map(|view| view.keys().cloned()).collect();
    let inner: BTreeSet<&str> = all
        .iter()
        .flat_map(|path| path.match_indices('.').filter_map(|(at, _)| path.get(..at)))
        .collect();
    all.iter().filter(|path| !inner.contains(path.as_ref())).cloned().collect()
}

/// Where a value is plain in one view and an object in another, it is one attribute in all of them.
pub(super) fn level(mut views: Vec<&mut Attributes>) {
    let plain: BTreeSet<Box<str>> = views
        .iter()
        .flat_map(|view| view.iter())
        .filter(|(_, value)| !value.is_empty())
        .map(|(path, _)| path.clone())
        .collect();
    for path in plain {
        if views.iter().any(|view| has_members(view, &path)) {
            for view in &mut views {
                collapse(view, &path);
            }
        }
    }
}

/// One attribute in two partial views of an object. Values are spelled as in changes: canonical compact JSON, `None` where
/// there is none; the outer `None` says that the view does not speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paired {
    /// Property path, as changes have it.
    pub path: String,
    /// What the first view says.
    pub first: Option<Option<String>>,
    /// What the second view says.
    pub second: Option<Option<String>>,
}

/// The attributes of two partial views of one object, by path: what is absent from a view is not spoken of.
#[must_use]
pub fn paired(
    (first, second): (&Json, &Json),
    (object_type, id): (&str, &str),
    catalogue: &Catalogue,
) -> Vec<Paired> {
    let read = |view| {
        let mut found = attributes(view, object_type, catalogue);
        strip_bin_prefix(&mut found, id);
        found
    };
    let (mut first, mut second) = (read(first), read(second));
    level(vec![&mut first, &mut second]);
    let paths = leaf_paths([&first, &second].into_iter());
    let pair = |path: Box<str>| {
        let speller = Speller { object_type, path: &path, catalogue };
        Paired {
            first: said(&first, &path, &speller),
            second: said(&second, &path, &speller),
            path: path.into(),
        }
    };
    paths.into_iter().map(pair).collect()
}

fn said(view: &Attributes, path: &str, speller: &Speller<'_>) -> Option<Option<String>> {
    let spell = |value: &Json| (!value.is_empty()).then(|| speller.canonical(value));
    if let Some(value) = view.get(path) {
        return Some(spell(value));
    }
    // What is empty above has nothing below.
    let above = path.match_indices('.').filter_map(|(at, _)| view.get(path.get(..at)?));
    above.into_iter().any(Json::is_empty).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    fn pairs(first: &str, second: &str) -> Vec<String> {
        let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
        let said = |side: Option<Option<String>>| match side {
            None => "unsaid".to_owned(),
            Some(None) => "none".to_owned(),
            Some(Some(value)) => value,
        };
        paired((&json(first), &json(second)), ("conditionalAccessPolicy", "p"), catalogue())
            .into_iter()
            .map(|pair| format!("{} {} {}", pair.path, said(pair.first), said(pair.second)))
            .collect()
    }

    #[test]
    fn two_views_are_read_at_one_depth() {
        assert_eq!(
            pairs(
                r#"{"state":"on","a":{"b":null,"c":[]},"d":{"e":1},"f":2}"#,
                r#"{"state":"off","a":{"b":[2,1]},"d":null,"f":{"g":1}}"#
            ),
            [
                "a.b none [1,2]",
                "a.c none unsaid",
                "d.e 1 none",
                r#"f 2 {"g":1}"#,
                r#"state "on" "off""#,
            ]
        );
    }
}
