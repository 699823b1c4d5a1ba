//! Attributes that operations touched.

use serde_json::Value;

use crate::model::{Certainty, ChangeKind};

use super::super::capture::Capture;
use super::super::export::leaves_out;
use super::super::kinds::Obj;
use super::super::tenant::Setting;
use super::super::value;
use super::{Row, View};

pub(super) fn project(view: &View<'_>, rows: &mut Vec<Row>) {
    for (obj, paths) in &view.tenant.settings {
        for (path, settings) in paths {
            if !(path == "id" && obj.ty.is_natural()) {
                one(view, *obj, path, settings, rows);
            }
        }
    }
}

fn at(settings: &[Setting], time: i64) -> Value {
    settings
        .iter()
        .rev()
        .find(|setting| setting.at <= time)
        .map(|setting| setting.value.clone())
        .unwrap_or_default()
}

/// What a capture shows of an attribute.
struct Sight<'a> {
    capture: &'a Capture,
    value: Value,
    /// Whether the format leaves it out.
    dropped: bool,
}

impl<'a> Sight<'a> {
    fn of(view: &View<'a>, capture: &'a Capture, obj: Obj, path: &str, now: Value) -> Self {
        let Some(carried) = capture.carried else {
            return Self { capture, value: now, dropped: false };
        };
        let head = path.split('.').next().unwrap_or(path);
        let whole = view.tenant.attributes(obj, &[head], capture.start);
        let whole = whole.get(head).cloned().unwrap_or_default();
        let dropped = carried.is_dropped(path, &whole, &now);
        let value = if dropped { Value::Null } else { carried.project(path, &now) };
        Self { capture, value, dropped }
    }
}

fn one(view: &View<'_>, obj: Obj, path: &str, settings: &[Setting], rows: &mut Vec<Row>) {
    let head = path.split('.').next().unwrap_or(path);
    let mut last: Option<Sight<'_>> = None;
    for capture in view.captures(obj.ty) {
        if !capture.present.contains(obj.ix) || !capture.collects(path) {
            continue;
        }
        let now = Sight::of(view, capture, obj, path, at(settings, capture.start));
        if let Some(before) = &last {
            // What is left out may not have been asked for; the value before it stands.
            if now.dropped {
                continue;
            }
            if !before.dropped || before.capture.shown.contains(head) {
                rows.extend(between(view, obj, path, settings, (before, &now)));
            }
        }
        last = Some(now);
    }
}

fn between(
    view: &View<'_>,
    obj: Obj,
    path: &str,
    settings: &[Setting],
    (before, now): (&Sight<'_>, &Sight<'_>),
) -> Option<Row> {
    let words = obj.ty.is_words(path);
    let capture = now.capture;
    let (was, is) = (value::column(&before.value, words), value::column(&now.value, words));
    if was == is {
        return None;
    }
    let absent = capture.leaves_out
        && value::is_empty(&now.value)
        && leaves_out(view.tenant.seed, capture.seq, obj.ix, path);
    let (added, removed) = value::delta(&before.value, &now.value, words);
    let start = before.capture.start;
    let effects = settings
        .iter()
        .filter(|setting| setting.at > start && setting.at <= capture.start)
        .filter_map(|setting| setting.effect)
        .collect();
    let consistent = absent || before.dropped;
    Some(Row {
        attribute: path.to_owned(),
        before: was,
        after: is,
        added,
        removed,
        certainty: if consistent { Certainty::Consistent } else { Certainty::Proven },
        effects,
        ..Row::of(obj, ChangeKind::Modified, (start, capture.end))
    })
}
