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

fn one(view: &View<'_>, obj: Obj, path: &str, settings: &[Setting], rows: &mut Vec<Row>) {
    let words = obj.ty.is_words(path);
    let mut last: Option<(&Capture, Value)> = None;
    for capture in view.captures(obj.ty) {
        if !capture.present.contains(obj.ix) || !capture.collects(path) {
            continue;
        }
        let now = at(settings, capture.start);
        if let Some((before, old)) = &last {
            let (was, is) = (value::column(old, words), value::column(&now, words));
            if was != is {
                let absent = capture.leaves_out
                    && value::is_empty(&now)
                    && leaves_out(view.tenant.seed, capture.seq, obj.ix, path);
                let (added, removed) = value::delta(old, &now, words);
                let effects = settings
                    .iter()
                    .filter(|setting| setting.at > before.start && setting.at <= capture.start)
                    .filter_map(|setting| setting.effect)
                    .collect();
                rows.push(Row {
                    attribute: path.to_owned(),
                    before: was,
                    after: is,
                    added,
                    removed,
                    certainty: if absent { Certainty::Consistent } else { Certainty::Proven },
                    effects,
                    ..Row::of(obj, ChangeKind::Modified, (before.start, capture.end))
                });
            }
        }
        last = Some((capture, now));
    }
}
