//! Golden tests: backups and jobs as text that a reader can check.

use super::{fixture, json, table, text};
use crate::model::Analysis;
use crate::report::terminal::Style;
use crate::report::{fixture as whole, tables, text as shown};

const WIDE: Style = Style { width: Some(200), colour: false };

fn csv(mut frame: polars::prelude::DataFrame) -> String {
    let mut bytes = Vec::new();
    tables::write_csv(&mut frame, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn tables_of_a_small_tenant() {
    let analysis = whole::analysis();
    insta::assert_snapshot!("backups.csv", csv(table::backups(&analysis.backups).unwrap()));
    insta::assert_snapshot!("jobs.csv", csv(table::jobs(&analysis).unwrap()));
    insta::assert_snapshot!("jobs.json", json::jobs(&analysis).unwrap());
}

#[test]
fn terminal_of_a_small_tenant() {
    let analysis = whole::analysis();
    let page =
        [text::backups(&analysis.backups, analysis.as_of, WIDE), text::history(&analysis, 1, WIDE)];
    insta::assert_snapshot!("history", page.join("\n"));
}

#[test]
fn nothing_of_the_service_is_said_to_be_nothing() {
    let analysis = Analysis::default();
    assert_eq!(text::backups(&[], None, WIDE), "");
    assert!(text::history(&analysis, 0, WIDE).contains("export: GET /directory/recovery/jobs"));
    assert!(text::history(&analysis, 1, WIDE).contains("the service lists none"));
    assert_eq!(json::jobs(&analysis).unwrap(), "[]\n");
}

#[test]
fn hostile_words_reach_the_terminal_escaped() {
    let mut analysis = Analysis::default();
    fixture::fill(&mut analysis);
    for hostile in whole::HOSTILE {
        for row in &mut analysis.jobs {
            row.status.push_str(hostile);
            row.backup_id = Some((*hostile).to_owned());
        }
        for row in &mut analysis.listed {
            row.failure.push_str(hostile);
            row.object_name.push_str(hostile);
        }
        for row in &mut analysis.job_events {
            row.activity.push_str(hostile);
            row.actor_name.push_str(hostile);
        }
        analysis.backups.iter_mut().for_each(|row| row.id.push_str(hostile));
    }
    let style = Style { width: None, colour: false };
    let page = [text::backups(&analysis.backups, None, style), text::history(&analysis, 1, style)];
    let page = page.join("\n").replace('\n', "");
    assert!(!page.chars().any(shown::is_hidden), "{page}");
}
